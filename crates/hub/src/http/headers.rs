//! Headers that keep a browser from doing what no page of ours needs.

use axum::response::Response;
use http::{HeaderName, HeaderValue, header};

/// Only our own files, no inline script, no foreign host, no frame.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'",
);

const ALWAYS: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// A year, as browsers ask for; only when people reach the hub over TLS.
const TLS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// How many headers an answer has in the end; room for all at once saves a second allocation.
const ROOM: usize = 8;

/// Adds them to every answer. A policy that an answer brings along is kept, and so is what it says
/// about caches: without it, nothing is stored. `secure` when people reach the hub over TLS.
pub(super) fn add(mut response: Response, secure: bool) -> Response {
    let headers = response.headers_mut();
    headers.reserve(ROOM);
    for (name, value) in ALWAYS {
        headers.insert(name, value);
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(POLICY);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if secure {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, TLS_ONLY);
    }
    response
}
