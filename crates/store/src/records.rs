//! Small records beside the calls: settings, audit, idempotency keys, click-to-dial requests.

use call::UnixMs;
use serde_json::Value;

use crate::{
    ListError, OrgId, PAGE_ROWS_MAX, Page, Paging, Result, Store,
    db::{Db, values},
};

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
        let (number, name) = (i64::from(organisation.number()), name.to_owned());
        let read = move |db: &mut Db| {
            let sql = "SELECT value FROM settings WHERE organisation = $1 AND name = $2";
            db.one(sql, values![number, &name], |row| row.json(0))
        };
        self.inner.readers.read(read).await
    }

    /// Stores a setting; `None` removes it.
    pub async fn put_setting(
        &self,
        organisation: &OrgId,
        name: &str,
        value: Option<Value>,
    ) -> Result<()> {
        let (number, name) = (i64::from(organisation.number()), name.to_owned());
        let write = move |db: &mut Db| {
            let Some(value) = value else {
                let sql = "DELETE FROM settings WHERE organisation = $1 AND name = $2";
                return db.execute(sql, values![number, &name]);
            };
            let sql = "INSERT INTO settings (organisation, name, value) VALUES ($1, $2, $3) \
                       ON CONFLICT (organisation, name) DO UPDATE SET value = excluded.value";
            db.execute(sql, values![number, &name, &value.to_string()])
        };
        self.inner.writer.write(write).await.map(|_| ())
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
        let (number, id, now) = (i64::from(organisation.number()), self.new_id(), self.now());
        let texts = [actor, action, subject].map(str::to_owned);
        let write = move |db: &mut Db| {
            let [actor, action, subject] = &texts;
            let sql = "INSERT INTO audit (organisation, id, at, actor, action, subject, detail) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7)";
            let detail = detail.to_string();
            db.execute(sql, values![number, &id, now, actor, action, subject, &detail])
        };
        self.inner.writer.write(write).await.map(|_| ())
    }

    /// The audit log, newest first.
    ///
    /// # Errors
    ///
    /// [`ListError::Cursor`] if `after` is none of [`Page::next`].
    pub async fn audit_entries(
        &self,
        organisation: &OrgId,
        paging: Paging,
    ) -> Result<Page<AuditEntry>, ListError> {
        let after = paging.after.unwrap_or_else(|| "~".to_owned());
        if after != "~" && call::Ids::check(&after).is_err() {
            return Err(ListError::Cursor);
        }
        let limit = paging.limit.clamp(1, PAGE_ROWS_MAX);
        let number = i64::from(organisation.number());
        let read = move |db: &mut Db| {
            let sql = "SELECT id, at, actor, action, subject, detail FROM audit \
                       WHERE organisation = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
            db.all(sql, values![number, &after, limit as i64 + 1], |row| {
                Ok(AuditEntry {
                    id: row.text(0)?.to_owned(),
                    at: UnixMs(row.int(1)?),
                    actor: row.text(2)?.to_owned(),
                    action: row.text(3)?.to_owned(),
                    subject: row.text(4)?.to_owned(),
                    detail: row.json(5)?,
                })
            })
        };
        let mut items = self.inner.readers.read(read).await?;
        let more = limit < items.len();
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|it| it.id.clone());
        Ok(Page { items, next })
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
        let (number, now) = (i64::from(organisation.number()), self.now());
        let (key, request) = (key.to_owned(), request.to_owned());
        let write = move |db: &mut Db| {
            let sql = "DELETE FROM idempotency_keys WHERE organisation = $1 AND expires_at <= $2";
            db.execute(sql, values![number, now])?;
            let sql = "INSERT INTO idempotency_keys (organisation, key, request, expires_at) \
                       VALUES ($1, $2, $3, $4) ON CONFLICT (organisation, key) DO NOTHING";
            if db.execute(sql, values![number, &key, &request, expires_at])? == 1 {
                return Ok(Idempotency::New);
            }
            let sql = "SELECT request, status, body FROM idempotency_keys \
                       WHERE organisation = $1 AND key = $2";
            let stored = db.one(sql, values![number, &key], |row| {
                if row.text(0)? != request {
                    return Ok(Idempotency::Different);
                }
                let status = row.opt_int(1)?.and_then(|it| u16::try_from(it).ok());
                Ok(match status {
                    None => Idempotency::Running,
                    Some(status) => Idempotency::Done {
                        status,
                        body: row.opt_text(2)?.unwrap_or_default().to_owned(),
                    },
                })
            })?;
            Ok(stored.unwrap_or(Idempotency::Running))
        };
        self.inner.writer.write(write).await
    }

    /// Stores the answer for repetitions; `None` frees the key after a failure.
    pub async fn finish_idempotent(
        &self,
        organisation: &OrgId,
        key: &str,
        answer: Option<(u16, String)>,
    ) -> Result<()> {
        let (number, key) = (i64::from(organisation.number()), key.to_owned());
        let write = move |db: &mut Db| match answer {
            Some((status, body)) => {
                let sql = "UPDATE idempotency_keys SET status = $3, body = $4 \
                           WHERE organisation = $1 AND key = $2";
                db.execute(sql, values![number, &key, i64::from(status), &body])
            }
            None => {
                let sql = "DELETE FROM idempotency_keys WHERE organisation = $1 AND key = $2";
                db.execute(sql, values![number, &key])
            }
        };
        self.inner.writer.write(write).await.map(|_| ())
    }

    /// Stores what is known of a click-to-dial request.
    pub async fn put_dial(&self, organisation: &OrgId, id: &str, state: Value) -> Result<()> {
        let (number, id) = (i64::from(organisation.number()), id.to_owned());
        let write = move |db: &mut Db| {
            let sql = "INSERT INTO dials (organisation, id, state) VALUES ($1, $2, $3) \
                       ON CONFLICT (organisation, id) DO UPDATE SET state = excluded.state";
            db.execute(sql, values![number, &id, &state.to_string()])
        };
        self.inner.writer.write(write).await.map(|_| ())
    }

    /// What is known of a click-to-dial request.
    pub async fn dial(&self, organisation: &OrgId, id: &str) -> Result<Option<Value>> {
        let (number, id) = (i64::from(organisation.number()), id.to_owned());
        let read = move |db: &mut Db| {
            let sql = "SELECT state FROM dials WHERE organisation = $1 AND id = $2";
            db.one(sql, values![number, &id], |row| row.json(0))
        };
        self.inner.readers.read(read).await
    }
}
