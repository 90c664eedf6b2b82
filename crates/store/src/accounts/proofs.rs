//! Keys and log-ins that were shown lately, so that a request does not have to read the database.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use call::UnixMs;

use super::{ApiKey, Session};
use crate::OrgId;

/// How long a look-up counts, in milliseconds: another process with the same database may have
/// changed it. Changes made here count at once.
const FRESH_MS: i64 = 5_000;
/// Proofs that are remembered; beyond it all are forgotten, and read again.
const PROOFS_MAX: usize = 10_000;

/// What a secret opens.
#[derive(Debug, Clone)]
pub(super) enum Proof {
    Key(OrgId, ApiKey),
    Session(OrgId, Box<Session>),
}

/// Found proofs by the hashes of their secrets. Hashes that open nothing are not remembered, so
/// that guessing does not fill it.
#[derive(Debug, Default)]
pub(crate) struct Proofs(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    proofs: HashMap<String, (UnixMs, Proof)>,
    /// Counts the changes: a proof read before one must not be remembered after it.
    changes: u64,
}

impl Proofs {
    pub(super) fn get(&self, hash: &str, now: UnixMs) -> Option<Proof> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, proof) = known.proofs.get(hash)?;
        // Also when the clock was set back.
        (0..FRESH_MS).contains(&(now.0 - at.0)).then(|| proof.clone())
    }

    /// To be taken before reading, and given to [`Proofs::put`].
    pub(super) fn changes(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).changes
    }

    pub(super) fn put(&self, hash: String, now: UnixMs, proof: Proof, changes: u64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.changes != changes {
            return;
        }
        if PROOFS_MAX <= known.proofs.len() {
            known.proofs.clear();
        }
        known.proofs.insert(hash, (now, proof));
    }

    /// After any change of a key, a log-in or a user.
    pub(super) fn forget(&self) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.proofs.clear();
        known.changes += 1;
    }
}
