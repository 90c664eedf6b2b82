//! Checks signatures by the Standard Webhooks specification, version 1.0.0
//! (github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Serialize;
use sha2::Sha256;

/// A timestamp may be so many seconds away from our clock.
const TOLERANCE_S: i64 = 5 * 60;

/// What came of checking a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Signature {
    /// It fits.
    Valid,
    /// One of the three headers is not there.
    Missing,
    /// It was made with another secret or for another body.
    Wrong,
    /// The timestamp is no time near ours.
    Stale,
    /// No secret has been given to check with.
    Unchecked,
}

pub(super) fn check<'a>(
    secret: Option<&str>,
    header: &impl Fn(&str) -> Option<&'a str>,
    body: &[u8],
    now_us: i64,
) -> Signature {
    let Some(secret) = secret else { return Signature::Unchecked };
    let (Some(id), Some(timestamp), Some(signatures)) =
        (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"))
    else {
        return Signature::Missing;
    };
    let encoded = secret.strip_prefix("whsec_").unwrap_or(secret);
    let Some(mut mac) =
        STANDARD.decode(encoded).ok().and_then(|it| Hmac::<Sha256>::new_from_slice(&it).ok())
    else {
        return Signature::Wrong;
    };
    mac.update(id.as_bytes());
    mac.update(b".");
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    let fits = |given: &str| {
        let given = given.strip_prefix("v1,").and_then(|it| STANDARD.decode(it).ok());
        given.is_some_and(|it| mac.clone().verify_slice(&it).is_ok())
    };
    if !signatures.split(' ').any(fits) {
        return Signature::Wrong;
    }
    match timestamp.parse::<i64>() {
        Ok(seconds) if (now_us / 1_000_000 - seconds).abs() <= TOLERANCE_S => Signature::Valid,
        _ => Signature::Stale,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn checked(signature: &str, body: &[u8], now_s: i64) -> Signature {
        let header = |name: &str| match name {
            "webhook-id" => Some(ID),
            "webhook-timestamp" => Some("1614265330"),
            "webhook-signature" if !signature.is_empty() => Some(signature),
            _ => None,
        };
        check(Some(SECRET), &header, body, now_s * 1_000_000)
    }

    #[test]
    fn the_example_of_the_standard_is_valid() {
        assert_eq!(checked(SIGNED, BODY, 1_614_265_330), Signature::Valid);
        assert_eq!(checked(&format!("v1,AAAA {SIGNED}"), BODY, 1_614_265_330), Signature::Valid);
    }

    #[test]
    fn whatever_does_not_fit_is_told_apart() {
        assert_eq!(checked("", BODY, 1_614_265_330), Signature::Missing);
        assert_eq!(checked(SIGNED, b"{}", 1_614_265_330), Signature::Wrong);
        assert_eq!(checked("v1,AAAA", BODY, 1_614_265_330), Signature::Wrong);
        assert_eq!(checked(SIGNED, BODY, 1_614_265_330 + 301), Signature::Stale);
        let nothing = |_: &str| None;
        assert_eq!(check(None, &nothing, BODY, 0), Signature::Unchecked);
    }
}
