//! Secrets at rest: XChaCha20-Poly1305 under the master key of the hub.
//!
//! A sealed secret is bound to its place (organisation, thing, field), so that one cannot be moved
//! to where somebody else could read it.

use std::{fs, io::Write as _, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use chacha20poly1305::{
    Key, KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};

/// Bytes of the master key.
const KEY_BYTES: usize = 32;
/// Bytes of a nonce: random ones never repeat at this length.
const NONCE_BYTES: usize = 24;
/// Stands before every sealed text; a later scheme gets another number.
const SCHEME: &str = "v1.";

/// Seals and opens secrets.
#[derive(Clone)]
pub struct Vault {
    cipher: XChaCha20Poly1305,
}

/// Why a secret could not be opened, or a master key not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The text was not sealed by this key, for this place.
    #[error("a stored secret cannot be opened: it was sealed under another master key")]
    WrongKey,
    /// The file of the master key cannot be used.
    #[error("the master key file {path} cannot be used: {reason}")]
    KeyFile {
        /// Where it is, or should be.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Vault {
    /// A vault under this key.
    #[must_use]
    pub fn new(key: &[u8; KEY_BYTES]) -> Vault {
        Vault { cipher: XChaCha20Poly1305::new(&Key::from(*key)) }
    }

    /// Opens the key file, or makes it, readable by its owner only, when there is none.
    ///
    /// # Errors
    ///
    /// [`VaultError::KeyFile`] when it cannot be read or made, or holds no key.
    pub fn open_or_create(path: &Path) -> Result<Vault, VaultError> {
        let failed =
            |reason: String| VaultError::KeyFile { path: path.display().to_string(), reason };
        match fs::read_to_string(path) {
            Ok(text) => {
                let bytes = BASE64.decode(text.trim()).map_err(|_| failed(NO_KEY.to_owned()))?;
                let key = bytes.try_into().map_err(|_| failed(NO_KEY.to_owned()))?;
                Ok(Vault::new(&key))
            }
            Err(it) if it.kind() == std::io::ErrorKind::NotFound => {
                let key: [u8; KEY_BYTES] = random();
                write_private(path, &BASE64.encode(key)).map_err(|it| failed(it.to_string()))?;
                Ok(Vault::new(&key))
            }
            Err(it) => Err(failed(it.to_string())),
        }
    }

    /// Seals a secret for its place, such as `["org", "pbx", "head-office", "secret"]`.
    #[must_use]
    pub fn seal(&self, place: &[&str], secret: &[u8]) -> String {
        let nonce: [u8; NONCE_BYTES] = random();
        let payload = Payload { msg: secret, aad: &aad(place) };
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .expect("encryption into memory fails for no length that we let in");
        format!("{SCHEME}{}", BASE64.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    ///
    /// [`VaultError::WrongKey`] for anything else.
    pub fn open(&self, place: &[&str], sealed: &str) -> Result<Vec<u8>, VaultError> {
        let text = sealed.strip_prefix(SCHEME).ok_or(VaultError::WrongKey)?;
        let bytes = BASE64.decode(text).map_err(|_| VaultError::WrongKey)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES).ok_or(VaultError::WrongKey)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| VaultError::WrongKey)?;
        let payload = Payload { msg: sealed, aad: &aad(place) };
        self.cipher.decrypt(&XNonce::from(nonce), payload).map_err(|_| VaultError::WrongKey)
    }
}

/// What a file that holds no key is told.
const NO_KEY: &str =
    "it must hold 32 bytes in base 64; if it is lost, give the copy of your backup";

/// Joins the parts of a place so that no two places give the same bytes.
fn aad(place: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in place {
        out.extend_from_slice(&(part.len() as u64).to_be_bytes());
        out.extend_from_slice(part.as_bytes());
    }
    out
}

/// Random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0u8; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// Writes a new file that only its owner may read, whole or not at all after a crash.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_sealed_secret_opens_only_in_its_place() {
        let vault = Vault::new(&[7; 32]);
        let sealed = vault.seal(&["org", "pbx", "secret"], b"s3cret");
        assert_eq!(vault.open(&["org", "pbx", "secret"], &sealed).unwrap(), b"s3cret");
        for place in [&["org2", "pbx", "secret"][..], &["orgp", "bx", "secret"], &[]] {
            assert_eq!(vault.open(place, &sealed), Err(VaultError::WrongKey), "{place:?}");
        }
        let other = Vault::new(&[8; 32]);
        assert_eq!(other.open(&["org", "pbx", "secret"], &sealed), Err(VaultError::WrongKey));
        assert_eq!(vault.open(&["org"], "v1.AAAA"), Err(VaultError::WrongKey));
    }

    #[test]
    fn the_key_file_is_made_once_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        let sealed = Vault::open_or_create(&path).unwrap().seal(&["a"], b"x");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Vault::open_or_create(&path).unwrap().open(&["a"], &sealed).unwrap(), b"x");
    }

    #[test]
    fn a_file_that_holds_no_key_is_refused_and_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        fs::write(&path, "not a key").unwrap();
        assert!(Vault::open_or_create(&path).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "not a key");
    }
}
