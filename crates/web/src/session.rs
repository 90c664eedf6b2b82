//! Who looks at a page, and the proof that a change comes from a page of ours.

use std::sync::Arc;

use app::{
    Actor, App, AppError,
    sessions::{self, LoggedIn, SESSION_COOKIE},
};
use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};

use crate::{
    answer::{Failure, query, see_other},
    forms::{Sent, sent},
    page::{Context, Page, Section, Theme, cookie},
};

/// The longest form that is read, in bytes: a body template and room to spare.
const FORM_BYTES_MAX: usize = 512 * 1024;

/// Somebody who is logged in and asks for a page.
///
/// As an extractor it sends everybody else to the log-in, and back from there.
#[derive(Clone)]
pub(crate) struct Viewer {
    /// Who, and with which rights.
    pub(crate) actor: Actor,
    /// Texts and times, and the token of forms.
    pub(crate) context: Context,
    /// Light or dark.
    pub(crate) theme: Theme,
    /// The session's own token, to end it.
    pub(crate) token: String,
    logged_in: LoggedIn,
    hub: Arc<App>,
}

impl Viewer {
    async fn of(hub: &Arc<App>, headers: &HeaderMap) -> Result<Option<Viewer>, Failure> {
        let Some(token) = cookie(headers, SESSION_COOKIE) else { return Ok(None) };
        let Some(logged_in) = sessions::authenticate(hub, token).await? else { return Ok(None) };
        let actor = logged_in.actor.clone();
        let admin = actor.rights().allow(api::Scope::Admin);
        let context = Context::of(headers, hub.now(), logged_in.csrf.clone(), admin);
        let theme = Theme::of(headers);
        let (token, hub) = (token.to_owned(), Arc::clone(hub));
        Ok(Some(Viewer { actor, context, theme, token, logged_in, hub }))
    }

    /// Everything around the content of a page.
    pub(crate) async fn page(&self, section: Section, title: &str) -> Result<Page, Failure> {
        let hub = crate::hub_state::of(&self.hub, &self.actor).await?;
        let lines = crate::dial::lines(&self.hub, &self.actor).await?;
        Ok(Page {
            context: self.context.clone(),
            title: title.to_owned(),
            section,
            theme: self.theme,
            me: Some(self.actor.name().to_owned()),
            hub,
            lines,
            q: String::new(),
            notice: None,
        })
    }
}

impl FromRequestParts<Arc<App>> for Viewer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, hub: &Arc<App>) -> Result<Viewer, Response> {
        match Viewer::of(hub, &parts.headers).await {
            Ok(Some(viewer)) => Ok(viewer),
            Ok(None) => Err(to_log_in(parts)),
            Err(failure) => Err(failure.into_response()),
        }
    }
}

/// A page goes to the log-in; a fragment says 401, and the script tells the person.
fn to_log_in(parts: &Parts) -> Response {
    let fragment = parts.headers.contains_key("hx-request")
        || parts.headers.get(header::ACCEPT).is_some_and(|it| it == "text/event-stream");
    if fragment {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let next = parts.uri.path_and_query().map_or("/live", |it| it.as_str());
    let next = if parts.method == Method::GET { next } else { "/live" };
    see_other(&format!("/login?next={}", query(next)))
}

/// A form that somebody who is logged in sent from a page of ours.
///
/// The only way to read a form: no change can forget the check.
pub(crate) struct Posted {
    /// Who sent it.
    pub(crate) viewer: Viewer,
    /// What was typed.
    pub(crate) form: Sent,
}

impl FromRequest<Arc<App>> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, hub: &Arc<App>) -> Result<Posted, Response> {
        let (mut parts, body) = request.into_parts();
        let viewer = Viewer::from_request_parts(&mut parts, hub).await?;
        let form = read_form(&parts.headers, body).await.map_err(IntoResponse::into_response)?;
        let given = sent(&form, "csrf")
            .or_else(|| parts.headers.get("x-csrf-token").and_then(|it| it.to_str().ok()));
        sessions::check_csrf(&viewer.logged_in, given.unwrap_or_default())
            .map_err(|_| Failure(AppError::Forbidden(viewer.context.t.form_expired.to_owned())))
            .map_err(IntoResponse::into_response)?;
        Ok(Posted { viewer, form })
    }
}

/// A form from before the log-in: there is no session to steal, but another site must not log
/// somebody in either.
pub(crate) struct OpenForm {
    /// What was typed.
    pub(crate) form: Sent,
    /// The request's headers.
    pub(crate) headers: HeaderMap,
    /// Where it came from, as far as the hub knows.
    pub(crate) client: Option<std::net::IpAddr>,
}

impl FromRequest<Arc<App>> for OpenForm {
    type Rejection = Response;

    async fn from_request(request: Request, _: &Arc<App>) -> Result<OpenForm, Response> {
        let (parts, body) = request.into_parts();
        let from = parts.headers.get("sec-fetch-site").and_then(|it| it.to_str().ok());
        if from.is_some_and(|it| it == "cross-site") {
            return Err(StatusCode::FORBIDDEN.into_response());
        }
        let form = read_form(&parts.headers, body).await.map_err(IntoResponse::into_response)?;
        let client = crate::client(&parts.extensions);
        Ok(OpenForm { form, headers: parts.headers, client })
    }
}

async fn read_form(headers: &HeaderMap, body: axum::body::Body) -> Result<Sent, Failure> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or("");
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(Failure(AppError::field("", "this page takes forms only")));
    }
    let bytes = axum::body::to_bytes(body, FORM_BYTES_MAX)
        .await
        .map_err(|_| AppError::field("", "what was sent is too long for a form"))?;
    Ok(parse_form(&bytes))
}

/// Reads `application/x-www-form-urlencoded`; every byte sequence is one.
pub(crate) fn parse_form(bytes: &[u8]) -> Sent {
    let decode = |part: &[u8]| {
        let mut out = Vec::with_capacity(part.len());
        let mut rest = part;
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            match byte {
                b'+' => out.push(b' '),
                b'%' => match after.get(..2).and_then(hex) {
                    Some(value) => {
                        out.push(value);
                        rest = &after[2..];
                    }
                    None => out.push(b'%'),
                },
                other => out.push(other),
            }
        }
        String::from_utf8_lossy(&out).into_owned()
    };
    bytes
        .split(|&it| it == b'&')
        .filter(|it| !it.is_empty())
        .map(|pair| match pair.iter().position(|&it| it == b'=') {
            Some(at) => (decode(&pair[..at]), decode(&pair[at + 1..])),
            None => (decode(pair), String::new()),
        })
        .collect()
}

fn hex(digits: &[u8]) -> Option<u8> {
    let value = |digit: u8| char::from(digit).to_digit(16);
    let (high, low) = (value(*digits.first()?)?, value(*digits.get(1)?)?);
    u8::try_from(high * 16 + low).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_whatever_they_hold() {
        let pairs = |text: &str| parse_form(text.as_bytes());
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            pairs("a=1&b=x+y%2B%C3%BC&&c"),
            [pair("a", "1"), pair("b", "x y+ü"), pair("c", "")]
        );
        assert_eq!(
            pairs("a=%&b=%+1&c=%ff"),
            [pair("a", "%"), pair("b", "% 1"), pair("c", "\u{fffd}")]
        );
    }
}
