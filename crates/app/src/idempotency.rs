//! `Idempotency-Key`: the second request with the same key gets the answer of the first.

use sha2::{Digest as _, Sha256};

use crate::{Actor, ActorKind, App, AppError, Result};

/// How long an answer is kept for a repetition: longer than any client tries.
const KEPT_MS: i64 = 24 * 3600 * 1000;
/// The most characters of a key.
const KEY_CHARS_MAX: usize = 255;
/// What stored answers are sealed for: one may hold a new API key.
const PLACE: &str = "idempotency";

/// A request that is to be carried out now. Finish it, whatever comes of it.
#[must_use]
pub struct Claim {
    key: String,
}

/// What is known of a request with a key.
pub enum Begun {
    /// It is new: carry it out.
    New(Claim),
    /// It was carried out: give this answer again.
    Done {
        /// HTTP status.
        status: u16,
        /// The body.
        body: String,
    },
}

/// Begins a request with a key. `request` is method, path and body.
///
/// # Errors
///
/// [`AppError::Conflict`] while the first one is being carried out; [`AppError::Invalid`] for a key
/// that was used for another request.
pub async fn begin(app: &App, actor: &Actor, key: &str, request: &[&[u8]]) -> Result<Begun> {
    if key.is_empty() || key.chars().count() > KEY_CHARS_MAX {
        let message = format!("must have from 1 to {KEY_CHARS_MAX} characters");
        return Err(AppError::field("Idempotency-Key", message));
    }
    // Two actors may choose the same key.
    let key = format!("{} {key}", whose(actor));
    let mut hash = Sha256::new();
    for part in request {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let hash: String = hash.finalize().iter().map(|it| format!("{it:02x}")).collect();
    let until = app.now().plus_ms(KEPT_MS);
    let organisation = actor.organisation();
    match app.store.begin_idempotent(organisation, &key, &hash, until).await? {
        store::Idempotency::New => Ok(Begun::New(Claim { key })),
        store::Idempotency::Done { status, body } => {
            let opened = app.vault.open(&[organisation.as_str(), PLACE, &key], &body);
            let opened = opened.map_err(|it| AppError::Internal(it.to_string()))?;
            Ok(Begun::Done { status, body: String::from_utf8_lossy(&opened).into_owned() })
        }
        store::Idempotency::Running => {
            Err(AppError::Conflict("the first request with this key is being carried out".into()))
        }
        store::Idempotency::Different => {
            let message = "was used for another request: choose a new one for each";
            Err(AppError::field("Idempotency-Key", message))
        }
    }
}

/// Keeps the answer for repetitions; `None` frees the key, since nothing was done.
pub async fn finish(app: &App, actor: &Actor, claim: Claim, answer: Option<(u16, &[u8])>) {
    let organisation = actor.organisation();
    let place = [organisation.as_str(), PLACE, &claim.key];
    let answer = answer.map(|(status, body)| (status, app.vault.seal(&place, body)));
    if let Err(error) = app.store.finish_idempotent(organisation, &claim.key, answer).await {
        tracing::warn!(%error, "the answer to a request with an idempotency key is not kept");
    }
}

fn whose(actor: &Actor) -> &str {
    match actor.kind() {
        ActorKind::Key(id) | ActorKind::User(id) => id,
        ActorKind::CommandLine => "command line",
    }
}
