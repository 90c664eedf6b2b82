//! Passwords: Argon2id, off the threads that serve, and throttled.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use call::UnixMs;
use tokio::sync::Semaphore;

use crate::{
    error::{AppError, Result},
    near,
};

/// The fewest characters of a password (NIST SP 800-63B asks for at least 8; we ask for more,
/// since the hub may stand in the open).
pub const PASSWORD_CHARS_MIN: usize = 10;
/// How many hashes are computed at once: each takes 19 MiB and a core for some 20 ms.
const HASHES_AT_ONCE_MAX: usize = 2;
/// Log-ins that may fail for one account from one place before there is a pause.
const FAILURES_MAX: u32 = 5;
/// How long the pause is, and how long failures are remembered.
const PAUSE_MS: i64 = 60_000;
/// How many accounts and places are remembered; more are an attack, and the oldest go first.
const REMEMBERED_MAX: usize = 10_000;

/// Computes hashes, a few at a time, and remembers who failed.
pub struct Hasher {
    room: Arc<Semaphore>,
    failures: Mutex<HashMap<String, (u32, UnixMs)>>,
}

impl Default for Hasher {
    fn default() -> Hasher {
        let room = Arc::new(Semaphore::new(HASHES_AT_ONCE_MAX));
        Hasher { room, failures: Mutex::default() }
    }
}

/// Checks that a new password is worth the name.
///
/// # Errors
///
/// [`AppError::Invalid`] for the field `password`.
pub fn check(password: &str, name: &str) -> Result<()> {
    if password.chars().count() < PASSWORD_CHARS_MIN {
        let message = format!("must have at least {PASSWORD_CHARS_MIN} characters");
        return Err(AppError::field("password", message));
    }
    let alike = near::nearest(password, [name, "password123", "1234567890", "hookswitch"]);
    if alike.is_some_and(|it| it.eq_ignore_ascii_case(password)) {
        return Err(AppError::field("password", "is the first that anybody would try"));
    }
    Ok(())
}

impl Hasher {
    /// The hash of a new password, as a PHC text.
    ///
    /// # Errors
    ///
    /// [`AppError::Internal`] when the library fails, which it does for no password that we let in.
    pub async fn hash(&self, password: &str) -> Result<String> {
        let password = password.to_owned();
        self.run(move || {
            let hash = Argon2::default().hash_password(password.as_bytes());
            hash.map(|it| it.to_string()).map_err(|it| AppError::Internal(it.to_string()))
        })
        .await?
    }

    /// Whether this is the password of that hash. Takes as long when there is no hash.
    ///
    /// # Errors
    ///
    /// [`AppError::Internal`] when no thread can be had.
    pub async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool> {
        let password = password.to_owned();
        let real = hash.is_some();
        let hash = hash.unwrap_or(NOBODY).to_owned();
        let same = self
            .run(move || {
                let Ok(hash) = PasswordHash::new(&hash) else { return false };
                Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
            })
            .await?;
        Ok(same && real)
    }

    /// Refuses somebody who failed too often a moment ago.
    pub(crate) fn throttle(&self, who: &str, now: UnixMs) -> Result<()> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        match failures.get(who) {
            Some((count, last)) if *count >= FAILURES_MAX && now.0 - last.0 < PAUSE_MS => {
                let seconds = (PAUSE_MS - (now.0 - last.0)) / 1000 + 1;
                Err(AppError::TooMany(format!(
                    "too many log-ins failed: try again in {seconds} seconds"
                )))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn failed(&self, who: &str, now: UnixMs) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= REMEMBERED_MAX {
            failures.retain(|_, (_, last)| now.0 - last.0 < PAUSE_MS);
            if failures.len() >= REMEMBERED_MAX {
                failures.clear();
            }
        }
        let entry = failures.entry(who.to_owned()).or_insert((0, now));
        let long_ago = now.0 - entry.1.0 >= PAUSE_MS;
        *entry = (if long_ago { 1 } else { entry.0 + 1 }, now);
    }

    pub(crate) fn succeeded(&self, who: &str) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(who);
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let internal = |it: String| AppError::Internal(it);
        let room = Arc::clone(&self.room).acquire_owned().await;
        let _room = room.map_err(|it| internal(it.to_string()))?;
        tokio::task::spawn_blocking(work).await.map_err(|it| internal(it.to_string()))
    }
}

/// The hash of a password that nobody has: what is compared when there is no such account, so
/// that the time of the answer does not tell which accounts there are.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                      AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_itself_verifies() {
        let hasher = Hasher::default();
        let hash = hasher.hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(hasher.verify("correct horse", Some(&hash)).await.unwrap());
        assert!(!hasher.verify("correct house", Some(&hash)).await.unwrap());
        assert!(!hasher.verify("correct horse", None).await.unwrap());
        assert!(PasswordHash::new(NOBODY).is_ok(), "it must take as long as a real one");
    }

    #[test]
    fn who_fails_too_often_has_to_wait_and_others_have_not() {
        let hasher = Hasher::default();
        for second in 0..5 {
            assert!(hasher.throttle("a", UnixMs(second * 1000)).is_ok());
            hasher.failed("a", UnixMs(second * 1000));
        }
        let told = hasher.throttle("a", UnixMs(5000)).unwrap_err();
        assert_eq!(told.to_string(), "too many log-ins failed: try again in 60 seconds");
        assert!(hasher.throttle("b", UnixMs(5000)).is_ok());
        assert!(hasher.throttle("a", UnixMs(64_001)).is_ok());
    }

    #[test]
    fn weak_passwords_are_refused() {
        for password in ["short", "hookswitch", "anna@example.com"] {
            assert!(check(password, "anna@example.com").is_err(), "{password}");
        }
        assert!(check("correct horse", "anna@example.com").is_ok());
    }
}
