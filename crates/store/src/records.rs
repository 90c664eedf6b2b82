//! Small records beside the calls: settings, audit, idempotency keys, click-to-dial requests.

use call::UnixMs;
use serde_json::Value;

use crate::{ListError, OrgId, Page, Paging, Result, Store, unbuilt};

/// One line of the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Made by the store; sorts by time.
    pub id: String,
    /// When it was done.
    pub at: UnixMs,
    /// Who did it: a user's e-mail address, a key's name, or `hookswitch`.
    pub actor: String,
    /// What was done, such as `integration.updated`.
    pub action: String,
    /// What it was done to.
    pub subject: String,
    /// What changed; never a secret.
    pub detail: Value,
}

/// What is known of an `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Idempotency {
    /// Not seen before: carry the request out, then [`Store::finish_idempotent`].
    New,
    /// The request was carried out: give this answer again.
    Done {
        /// HTTP status.
        status: u16,
        /// Body.
        body: String,
    },
    /// The same request is being carried out right now.
    Running,
    /// The key was used for another request.
    Different,
}

impl Store {
    /// One setting of the organisation.
    pub async fn setting(&self, organisation: &OrgId, name: &str) -> Result<Option<Value>> {
        Err(unbuilt(&(organisation, name)))
    }

    /// Stores a setting; `None` removes it.
    pub async fn put_setting(
        &self,
        organisation: &OrgId,
        name: &str,
        value: Option<Value>,
    ) -> Result<()> {
        Err(unbuilt(&(organisation, name, value)))
    }

    /// Adds a line to the audit log.
    pub async fn audit(
        &self,
        organisation: &OrgId,
        actor: &str,
        action: &str,
        subject: &str,
        detail: Value,
    ) -> Result<()> {
        Err(unbuilt(&(organisation, actor, action, subject, detail)))
    }

    /// The audit log, newest first.
    pub async fn audit_entries(
        &self,
        organisation: &OrgId,
        paging: Paging,
    ) -> Result<Page<AuditEntry>, ListError> {
        Err(unbuilt(&(organisation, paging)).into())
    }

    /// Claims an `Idempotency-Key` until `expires_at`. `request` is a hash of method, path and
    /// body.
    pub async fn begin_idempotent(
        &self,
        organisation: &OrgId,
        key: &str,
        request: &str,
        expires_at: UnixMs,
    ) -> Result<Idempotency> {
        Err(unbuilt(&(organisation, key, request, expires_at)))
    }

    /// Stores the answer for repetitions; `None` frees the key after a failure.
    pub async fn finish_idempotent(
        &self,
        organisation: &OrgId,
        key: &str,
        answer: Option<(u16, String)>,
    ) -> Result<()> {
        Err(unbuilt(&(organisation, key, answer)))
    }

    /// Stores what is known of a click-to-dial request.
    pub async fn put_dial(&self, organisation: &OrgId, id: &str, state: Value) -> Result<()> {
        Err(unbuilt(&(organisation, id, state)))
    }

    /// What is known of a click-to-dial request.
    pub async fn dial(&self, organisation: &OrgId, id: &str) -> Result<Option<Value>> {
        Err(unbuilt(&(organisation, id)))
    }
}
