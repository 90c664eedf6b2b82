//! Signatures by which a receiver knows that a request comes from us and was not changed.
//!
//! Source: Standard Webhooks, <https://github.com/standard-webhooks/standard-webhooks>, version
//! 1.0.0: HMAC-SHA256 over `id.timestamp.body`. A second key for a rotation would be signed with
//! too, and its signature put behind the first, separated by a space.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Every secret begins like this, so that people and scanners for leaked secrets know it.
pub const SECRET_PREFIX: &str = "whsec_";
/// The shortest and the longest key of the standard, in bytes.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A key that signs requests.
#[derive(Clone)]
pub struct SigningKey {
    /// With the key worked in already, which is half the work of a short message.
    begun: Hmac<Sha256>,
}

/// A text that is no signing secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    /// Something else stands there.
    #[error(
        "a signing secret begins with `whsec_` and goes on in Base64; `echo whsec_$(openssl rand -base64 32)` makes one"
    )]
    Shape,
    /// Decoded it has so many bytes.
    #[error("the signing secret has {0} bytes behind `whsec_`; 24 to 64 are needed")]
    Length(usize),
}

impl SigningKey {
    /// Reads a secret, `whsec_` and Base64.
    ///
    /// # Errors
    ///
    /// When it is none; the message does not repeat it.
    pub fn read(secret: &str) -> Result<SigningKey, SigningKeyError> {
        let text = secret.trim().strip_prefix(SECRET_PREFIX).ok_or(SigningKeyError::Shape)?;
        let key = STANDARD.decode(text).map_err(|_| SigningKeyError::Shape)?;
        if !KEY_BYTES.contains(&key.len()) {
            return Err(SigningKeyError::Length(key.len()));
        }
        let begun = Hmac::new_from_slice(&key).map_err(|_| SigningKeyError::Shape)?;
        Ok(SigningKey { begun })
    }

    /// The value of `webhook-signature`, `v1,` and Base64.
    ///
    /// `id` is that of `webhook-id`, `timestamp_s` that of `webhook-timestamp` in seconds.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp_s: &str, body: &[u8]) -> String {
        let mut mac = self.begun.clone();
        for part in [id.as_bytes(), b".", timestamp_s.as_bytes(), b".", body] {
            mac.update(part);
        }
        let mut signature = String::with_capacity(3 + 44);
        signature.push_str("v1,");
        STANDARD.encode_string(mac.finalize().into_bytes(), &mut signature);
        signature
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Vector {
        secret: String,
        id: String,
        timestamp: u64,
        body: String,
        signature: String,
    }

    /// Made once with `hmac` and `hashlib` of Python 3.
    const VECTORS: &str = include_str!("signature/vectors.json");

    #[test]
    fn signatures_are_those_of_the_standards_own_example() {
        // https://docs.svix.com/receiving/verifying-payloads/how-manual, the example.
        let key = SigningKey::read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(
            key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", br#"{"test": 2432232314}"#),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn signatures_are_those_of_an_independent_implementation() {
        let vectors: Vec<Vector> = serde_json::from_str(VECTORS).unwrap();
        assert!(!vectors.is_empty());
        for it in vectors {
            let key = SigningKey::read(&it.secret).unwrap();
            let made = key.sign(&it.id, &it.timestamp.to_string(), it.body.as_bytes());
            assert_eq!(made, it.signature, "{}", it.id);
        }
    }

    #[test]
    fn other_texts_are_no_secrets_and_are_not_repeated() {
        for text in ["", "hunter2", "whsec_", "whsec_hunter2!", "whsec_aHVudGVyMg=="] {
            let error = SigningKey::read(text).unwrap_err().to_string();
            assert!(!error.contains("hunter") && !error.contains("aHVud"), "{error}");
        }
        let short = SigningKey::read("whsec_aHVudGVyMg==").unwrap_err();
        assert_eq!(short, SigningKeyError::Length(7));
    }
}
