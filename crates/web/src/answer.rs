//! Answers: rendered templates, redirects that carry a notice, and errors in plain words.

use app::AppError;
use askama::Template;
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use call::UnixMs;

use crate::page::{Context, Page, Section, Theme};

/// What every handler gives.
pub(crate) type Answer = Result<Response, Failure>;

/// A rendered template.
pub(crate) fn html(template: &impl Template) -> Answer {
    html_with(StatusCode::OK, template)
}

/// A rendered template with another status.
pub(crate) fn html_with(status: StatusCode, template: &impl Template) -> Answer {
    let text = template
        .render()
        .map_err(|it| AppError::Internal(format!("a page cannot be rendered: {it}")))?;
    Ok((status, Html(text)).into_response())
}

/// Sends the browser to another page after a change, so that a reload changes nothing.
pub(crate) fn see_other(to: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    // Addresses of ours are ASCII; what people typed is encoded by `query`.
    let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/live"));
    response.headers_mut().insert(header::LOCATION, to);
    response
}

/// A file to be saved under this name.
pub(crate) fn download(media_type: &'static str, name: &str, content: impl Into<Body>) -> Response {
    let safe: String = name
        .chars()
        .map(|it| if it.is_ascii_alphanumeric() || "._-".contains(it) { it } else { '_' })
        .collect();
    let disposition = format!("attachment; filename=\"{safe}\"");
    let headers =
        [(header::CONTENT_TYPE, media_type.to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    (headers, content.into()).into_response()
}

/// A value as it stands in the query of an address.
pub(crate) fn query(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => {
                const HEX: &[u8; 16] = b"0123456789ABCDEF";
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
    out
}

/// Why a page cannot be shown.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) AppError);

impl<E: Into<AppError>> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let error = self.0;
        if let AppError::Internal(_) | AppError::Unavailable(_) = error {
            tracing::error!(%error, "a page could not be shown");
        }
        let status = StatusCode::from_u16(error.code().status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        plain(status, &error)
    }
}

/// A page that says one thing.
#[derive(Template)]
#[template(path = "plain.html")]
pub(crate) struct Plain {
    pub(crate) c: Page,
    pub(crate) heading: &'static str,
    pub(crate) text: String,
    pub(crate) link: &'static str,
    pub(crate) link_text: &'static str,
}

/// The page around a log-in, a set-up or an error: no header, since nobody is logged in.
pub(crate) fn bare_page(headers: &HeaderMap, now: UnixMs, title: &str) -> Page {
    Page {
        context: Context::of(headers, now, String::new(), false),
        title: title.to_owned(),
        section: Section::Other,
        theme: Theme::of(headers),
        me: None,
        hub: None,
        lines: Vec::new(),
        q: String::new(),
        notice: None,
    }
}

fn plain(status: StatusCode, error: &AppError) -> Response {
    let c = bare_page(&HeaderMap::new(), UnixMs(0), "");
    let t = c.t;
    let (heading, text) = match error {
        AppError::NotFound(_) => (t.not_found_title, t.not_found_text.to_owned()),
        AppError::Forbidden(why) => (t.forbidden_title, why.clone()),
        AppError::Unavailable(why) | AppError::TooMany(why) => (t.unavailable_title, why.clone()),
        AppError::Internal(_) => (t.internal_title, t.internal_text.to_owned()),
        other => (t.refused_title, other.to_string()),
    };
    let page =
        Plain { c: c.titled(heading), heading, text, link: "/live", link_text: t.back_to_live };
    html_with(status, &page).unwrap_or_else(|_| status.into_response())
}

/// What is wrong with the input, one line each; other errors as they are.
pub(crate) fn lines_of(error: &AppError) -> Vec<String> {
    match error {
        AppError::Invalid(problems) => problems
            .iter()
            .map(|it| match it.field.as_str() {
                "" => it.message.clone(),
                field => format!("{field}: {}", it.message),
            })
            .collect(),
        other => vec![other.to_string()],
    }
}

/// Whether the person can mend it: then the form is shown again with what is wrong.
pub(crate) fn is_mendable(error: &AppError) -> bool {
    matches!(
        error,
        AppError::Invalid(_)
            | AppError::Conflict(_)
            | AppError::TooMany(_)
            | AppError::Unauthenticated(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_typed_is_encoded_in_addresses() {
        assert_eq!(query("+39 06 & more/ü"), "%2B39%2006%20%26%20more%2F%C3%BC");
    }

    #[test]
    fn a_download_has_a_name_that_no_shell_misreads() {
        let answer = download("text/plain", "head office; rm \"x\".ami", "");
        let name = answer.headers()[header::CONTENT_DISPOSITION].to_str().unwrap();
        assert_eq!(name, "attachment; filename=\"head_office__rm__x_.ami\"");
    }
}
