//! Why a request got no answer, in plain words.

use std::{error::Error, io};

use http::Uri;
use hyper_util::client::legacy;
use rustls::{CertificateError, Error as TlsError};

use super::exchange::host_of;
use crate::{SendError, guard::Forbidden};

/// Looks through the causes for the one that a person can do something about.
pub(super) fn of(error: &legacy::Error, uri: &Uri) -> SendError {
    let host = host_of(uri);
    if let Some(forbidden) = cause::<Forbidden>(error) {
        return SendError::Refused { host, reason: forbidden.to_string() };
    }
    let reason = if let Some(tls) = cause::<TlsError>(error) {
        tls_reason(tls)
    } else if let Some(io) = cause::<io::Error>(error) {
        io_reason(io, uri)
    } else if let Some(hyper) = cause::<hyper::Error>(error) {
        hyper_reason(hyper)
    } else {
        error.source().map_or_else(|| error.to_string(), ToString::to_string)
    };
    SendError::Unavailable { host, reason }
}

/// An I/O error counts what it wraps as itself rather than as its cause, so it is opened by hand.
fn next_cause<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(within) => Some(within),
        None => error.source(),
    }
}

/// The innermost error of this type.
fn cause<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    std::iter::successors(Some(error), |it| next_cause(*it))
        .filter_map(|it| it.downcast_ref())
        .last()
}

fn tls_reason(error: &TlsError) -> String {
    match error {
        TlsError::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "its TLS certificate is not signed by a public authority".to_owned()
        }
        TlsError::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => "its TLS certificate has expired".to_owned(),
        TlsError::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "its TLS certificate is for another name; check the host in the address".to_owned(),
        TlsError::InvalidMessage(_) => {
            "it does not speak TLS on this port; check the port, or begin the address with http://"
                .to_owned()
        }
        other => format!("TLS fails: {other}"),
    }
}

fn io_reason(error: &io::Error, uri: &Uri) -> String {
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            format!("nothing listens on port {port} there (connection refused)")
        }
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => "it closed the connection before it answered".to_owned(),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "there is no way to its network".to_owned()
        }
        io::ErrorKind::TimedOut => "its network does not answer".to_owned(),
        // The system's resolver has no kind of its own.
        _ if error.to_string().contains("lookup address") => {
            "its name cannot be found; check the spelling of the address".to_owned()
        }
        _ => error.to_string(),
    }
}

fn hyper_reason(error: &hyper::Error) -> String {
    if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        "it closed the connection before it answered".to_owned()
    } else if error.is_parse_too_large() {
        "the head of its answer is too long".to_owned()
    } else if error.is_parse() {
        "what it answers is not HTTP; check the port, or begin the address with https://".to_owned()
    } else {
        error.to_string()
    }
}
