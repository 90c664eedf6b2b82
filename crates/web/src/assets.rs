//! Stylesheets, scripts and icons: inside the binary, compressed, named by their content.
//!
//! An address holds a hash of what it gives, so a browser may keep it for ever.

use std::io::Read as _;

use axum::{
    body::Body,
    extract::Path,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use flate2::read::GzDecoder;

/// One file that pages refer to.
pub(crate) struct Asset {
    /// Where the hub serves it, hash included.
    pub(crate) address: &'static str,
    /// Value of `Content-Type`.
    pub(crate) media_type: &'static str,
    /// The content, compressed at build time.
    pub(crate) gzip: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// `GET /assets/{name}`.
pub(crate) async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let found = ALL.iter().find(|it| it.address.strip_prefix("/assets/") == Some(name.as_str()));
    let Some(asset) = found else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let lasting = [
        (header::CONTENT_TYPE, asset.media_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::VARY, "accept-encoding"),
    ];
    if accepts_gzip(&headers) {
        let encoded = [(header::CONTENT_ENCODING, "gzip")];
        return (lasting, encoded, Body::from(asset.gzip)).into_response();
    }
    // Every browser takes gzip; this is for the odd script.
    let mut plain = Vec::new();
    match GzDecoder::new(asset.gzip).read_to_end(&mut plain) {
        Ok(_) => (lasting, plain).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let value = headers.get(header::ACCEPT_ENCODING).and_then(|it| it.to_str().ok());
    value.is_some_and(|it| {
        it.split(',').any(|part| {
            let (coding, quality) = part.split_once(';').unwrap_or((part, ""));
            coding.trim().eq_ignore_ascii_case("gzip") && quality.trim() != "q=0"
        })
    })
}
