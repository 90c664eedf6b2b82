//! One request and its answer, within a time and a size.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, Response, StatusCode, Uri,
    header::{LOCATION, RETRY_AFTER},
};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;

use super::{Client, failure};
use crate::{Answer, Keep, SendError};

/// The most of an answer's body that is kept, in bytes: enough to see what an endpoint says.
pub const ANSWER_KEPT_BYTES_MAX: usize = 64 * 1024;
/// The most that is read, in bytes, so that the connection can be used again; beyond that it is
/// closed.
const ANSWER_READ_BYTES_MAX: usize = 1024 * 1024;

/// What came of a request: the status if there is one, the answer if it is to be kept.
pub(crate) struct Exchange {
    pub(crate) outcome: Result<(), SendError>,
    pub(crate) status: Option<u16>,
    pub(crate) answer: Option<Answer>,
}

impl Client {
    /// Sends a request; success is a status from 200 to 299.
    ///
    /// `limit` is for all of it: look-up, connection, answer. `now_s` (Unix time) is what a
    /// `Retry-After` with a date is compared with.
    pub(crate) async fn exchange(
        &self,
        request: http::Request<Bytes>,
        limit: Duration,
        keep: Keep,
        now_s: i64,
    ) -> Exchange {
        let uri = request.uri().clone();
        let end = tokio::time::Instant::now() + limit;
        let response =
            match tokio::time::timeout_at(end, self.inner.request(request.map(Full::new))).await {
                Ok(Ok(response)) => response,
                Ok(Err(error)) => return Exchange::failed(failure::of(&error, &uri)),
                Err(_) => {
                    let reason = format!(
                        "no answer within {} s; if it needs longer, raise `timeout_s` (up to 60)",
                        limit.as_secs()
                    );
                    return Exchange::failed(SendError::Unavailable {
                        host: host_of(&uri),
                        reason,
                    });
                }
            };
        let status = response.status();
        let outcome = judge(status, response.headers(), &uri, now_s);
        let wanted = keep == Keep::Everything || outcome.is_err();
        // The status is what counts: an endpoint that has said yes has the event, even if the rest
        // of its answer never comes.
        let mut kept = BytesMut::new();
        let headers = if wanted { visible(response.headers()) } else { Vec::new() };
        let whole = tokio::time::timeout_at(end, read(response, wanted, &mut kept)).await;
        let answer = wanted.then(|| Answer {
            status: status.as_u16(),
            headers,
            body: kept.freeze(),
            cut: whole != Ok(true),
        });
        Exchange { outcome, status: Some(status.as_u16()), answer }
    }
}

impl Exchange {
    fn failed(error: SendError) -> Exchange {
        Exchange { outcome: Err(error), status: None, answer: None }
    }
}

/// Reads a body into `kept`, as far as it is wanted; answers whether all of it is there.
async fn read(response: Response<Incoming>, wanted: bool, kept: &mut BytesMut) -> bool {
    let mut body = response.into_body();
    let mut seen = 0;
    let mut whole = true;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        let Some(data) = frame.data_ref() else { continue };
        seen += data.len();
        if wanted {
            let room = ANSWER_KEPT_BYTES_MAX - kept.len();
            whole &= data.len() <= room;
            kept.extend_from_slice(&data[..data.len().min(room)]);
        }
        if ANSWER_READ_BYTES_MAX < seen {
            return false;
        }
    }
    whole
}

/// Header lines as people read them.
pub(crate) fn visible(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

/// Host and, unless it is the usual one, port.
pub(crate) fn host_of(uri: &Uri) -> String {
    let host = uri.host().unwrap_or("the endpoint");
    match uri.port_u16() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// What a status means for the delivery.
fn judge(status: StatusCode, headers: &HeaderMap, uri: &Uri, now_s: i64) -> Result<(), SendError> {
    if status.is_success() {
        return Ok(());
    }
    let host = host_of(uri);
    let wait = headers.get(RETRY_AFTER).and_then(|it| it.to_str().ok());
    let wait = wait.and_then(|it| retry_after(it, now_s));
    let reason = format!("HTTP {status}");
    Err(match status.as_u16() {
        401 | 403 | 407 => SendError::Unauthorized { host, status: status.as_u16() },
        429 => SendError::Throttled { host, wait },
        503 if wait.is_some() => SendError::Throttled { host, wait },
        // Too slow, too early: both are about now.
        408 | 425 | 500..=599 => SendError::Unavailable { host, reason },
        300..=399 => SendError::Refused { host, reason: redirect(&reason, headers) },
        _ => SendError::Refused { host, reason },
    })
}

/// Says where a redirect leads, without what may be secret in the address.
fn redirect(reason: &str, headers: &HeaderMap) -> String {
    let target = headers.get(LOCATION).and_then(|it| it.to_str().ok());
    let target = target.and_then(|it| it.parse::<Uri>().ok());
    let to = match target.as_ref().and_then(|it| Some((it.scheme_str()?, it.host()?))) {
        Some((scheme, host)) => format!(" to {scheme}://{host}"),
        None => String::new(),
    };
    format!("{reason}, a redirect{to}; redirects are not followed, so enter the final address")
}

/// Reads `Retry-After`: seconds, or a date. Source: RFC 9110, section 10.2.3.
fn retry_after(text: &str, now_s: i64) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(text).ok()?;
    let at = at.duration_since(std::time::UNIX_EPOCH).ok()?;
    let now = Duration::from_secs(u64::try_from(now_s).unwrap_or(0));
    Some(at.saturating_sub(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let now = 784_111_777; // Sun, 06 Nov 1994 08:49:37 GMT
        let table = [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
            ("", None),
        ];
        for (text, seconds) in table {
            assert_eq!(retry_after(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn each_status_has_its_consequence() {
        let uri: Uri = "https://crm.example:8443/hook?key=hush".parse().unwrap();
        let headers = HeaderMap::new();
        for status in 100..600 {
            let status = StatusCode::from_u16(status).unwrap();
            let judged = judge(status, &headers, &uri, 0);
            let expected = match (status.as_u16(), &judged) {
                (200..=299, Ok(())) => true,
                (401 | 403 | 407, Err(SendError::Unauthorized { .. })) => true,
                (429, Err(SendError::Throttled { wait: None, .. })) => true,
                (408 | 425 | 500.., Err(SendError::Unavailable { .. })) => true,
                (408 | 425 | 500.., _) => false,
                (_, Err(SendError::Refused { .. })) => true,
                _ => false,
            };
            assert!(expected, "{status}: {judged:?}");
            if let Err(error) = judged {
                let text = format!("{error} {error:?}");
                assert!(text.contains("crm.example:8443") && !text.contains("hush"), "{text}");
            }
        }
    }

    #[test]
    fn a_redirect_says_where_to_without_its_query() {
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, "https://new.example/hook?key=hush".parse().unwrap());
        let text = redirect("HTTP 302 Found", &headers);
        assert!(text.contains("https://new.example;") && !text.contains("hush"), "{text}");
    }
}
