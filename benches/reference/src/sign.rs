//! The Standard Webhooks signature: HMAC-SHA256 over `id.timestamp.body`, in base64.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

const KEY: &[u8; 32] = b"0123456789abcdef0123456789abcdef";

/// The value of `webhook-signature`.
#[must_use]
pub fn signature(id: &str, timestamp: u64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY).expect("HMAC takes a key of any length");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}
