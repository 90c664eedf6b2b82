//! The ways in and out: the set-up link, the log-in, the log-out.

use std::sync::Arc;

use api::Code;
use app::{
    App, AppError,
    sessions::{self, NewSession, SESSION_COOKIE, SESSION_MS},
    setup,
};
use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Deserialize;

use crate::{
    answer::{Answer, Plain, bare_page, html, html_with, is_mendable, lines_of, see_other},
    forms::sent,
    page::{Page, cookie},
    session::{OpenForm, Posted},
};

#[derive(Template)]
#[template(path = "login.html")]
struct LogInPage {
    c: Page,
    name: String,
    next: String,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "setup.html")]
struct SetUpPage {
    c: Page,
    action: String,
    name: String,
    errors: Vec<String>,
}

/// The query of the log-in.
#[derive(Debug, Deserialize)]
pub(crate) struct Next {
    /// Where to go after it.
    #[serde(default)]
    next: String,
}

/// `GET /`.
pub(crate) async fn root() -> Response {
    see_other("/live")
}

/// `GET /login`.
pub(crate) async fn log_in_page(
    State(hub): State<Arc<App>>,
    headers: HeaderMap,
    Query(query): Query<Next>,
) -> Answer {
    if let Some(token) = cookie(&headers, SESSION_COOKIE)
        && sessions::authenticate(&hub, token).await?.is_some()
    {
        return Ok(see_other(local(&query.next)));
    }
    let c = bare_page(&headers, hub.now(), "");
    let title = c.t.log_in;
    let next = local(&query.next).to_owned();
    html(&LogInPage { c: c.titled(title), name: String::new(), next, error: None })
}

/// `POST /login`.
pub(crate) async fn log_in(State(hub): State<Arc<App>>, sent_form: OpenForm) -> Answer {
    let OpenForm { form, headers, client } = sent_form;
    let field = |name| sent(&form, name).unwrap_or_default();
    let next = local(field("next"));
    match sessions::log_in(&hub, field("name"), field("password"), client).await {
        Ok(session) => Ok(begun(&hub, &session, next)),
        Err(error) if is_mendable(&error) => {
            let c = bare_page(&headers, hub.now(), "");
            let title = c.t.log_in;
            let (name, next) = (field("name").to_owned(), next.to_owned());
            let status = match error.code() {
                Code::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
                _ => StatusCode::UNAUTHORIZED,
            };
            let error = Some(error.to_string());
            html_with(status, &LogInPage { c: c.titled(title), name, next, error })
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /logout`.
pub(crate) async fn log_out(State(hub): State<Arc<App>>, posted: Posted) -> Answer {
    sessions::log_out(&hub, &posted.viewer.token).await?;
    let mut answer = see_other("/login");
    set_cookie(
        &mut answer,
        &format!("{SESSION_COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"),
    );
    Ok(answer)
}

/// `GET /setup/{token}`.
pub(crate) async fn set_up_page(
    State(hub): State<Arc<App>>,
    headers: HeaderMap,
    Path(token): Path<String>,
) -> Answer {
    let c = bare_page(&headers, hub.now(), "");
    if !setup::is_valid(&hub, &token).await? {
        return gone(c);
    }
    let title = c.t.setup_title;
    let action = format!("{}{token}", setup::SETUP_PATH);
    html(&SetUpPage { c: c.titled(title), action, name: String::new(), errors: Vec::new() })
}

/// `POST /setup/{token}`.
pub(crate) async fn set_up(
    State(hub): State<Arc<App>>,
    Path(token): Path<String>,
    sent_form: OpenForm,
) -> Answer {
    let OpenForm { form, headers, .. } = sent_form;
    let field = |name| sent(&form, name).unwrap_or_default();
    match setup::finish(&hub, &token, field("name"), field("password")).await {
        Ok(session) => Ok(begun(&hub, &session, "/live")),
        Err(AppError::Forbidden(_)) => gone(bare_page(&headers, hub.now(), "")),
        Err(error) if is_mendable(&error) => {
            let c = bare_page(&headers, hub.now(), "");
            let title = c.t.setup_title;
            let page = SetUpPage {
                c: c.titled(title),
                action: format!("{}{token}", setup::SETUP_PATH),
                name: field("name").to_owned(),
                errors: lines_of(&error),
            };
            html_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(error) => Err(error.into()),
    }
}

/// The link was used: the log-in is the way in now.
fn gone(c: Page) -> Answer {
    let t = c.t;
    let page = Plain {
        c: c.titled(t.setup_gone_title),
        heading: t.setup_gone_title,
        text: t.setup_gone_text.to_owned(),
        link: "/login",
        link_text: t.log_in,
    };
    html_with(StatusCode::FORBIDDEN, &page)
}

fn begun(hub: &App, session: &NewSession, next: &str) -> Response {
    let mut answer = see_other(next);
    let secure = if hub.is_secure() { "; Secure" } else { "" };
    let seconds = SESSION_MS / 1000;
    set_cookie(
        &mut answer,
        &format!(
            "{SESSION_COOKIE}={}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}",
            session.token
        ),
    );
    answer
}

/// Adds a cookie to an answer.
pub(crate) fn set_cookie(answer: &mut Response, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        answer.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// A path of this hub; anything else would send a person who logs in to another site.
fn local(next: &str) -> &str {
    let inside = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains(['\\', '\r', '\n'])
        && !next.starts_with("/login");
    if inside { next } else { "/live" }
}

#[cfg(test)]
mod tests {
    use super::local;

    #[test]
    fn a_log_in_leads_nowhere_else() {
        for outside in
            ["", "https://evil.example", "//evil.example", "/\\evil", "/a\r\nb", "/login"]
        {
            assert_eq!(local(outside), "/live", "{outside}");
        }
        assert_eq!(local("/calls?q=1"), "/calls?q=1");
    }
}
