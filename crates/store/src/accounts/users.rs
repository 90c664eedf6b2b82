//! People who may log in, and the set-up token that makes the first of them.

use call::UnixMs;

use super::{OrgId, User, UserDraft, org_of};
use crate::{
    Result, SaveError, Store, UserId,
    db::{Db, Row, values},
};

pub(super) const COLUMNS: &str =
    "u.id, u.email, u.name, u.role, u.password_hash, u.enabled, u.created_at";

impl Store {
    /// All users, by e-mail address.
    pub async fn users(&self, organisation: &OrgId) -> Result<Vec<User>> {
        let number = i64::from(organisation.number());
        let read = move |db: &mut Db| {
            let sql = format!(
                "SELECT {COLUMNS} FROM users AS u WHERE u.organisation = $1 ORDER BY u.email"
            );
            db.all(&sql, values![number], |row| read_user(row, 0))
        };
        self.inner.readers.read(read).await
    }

    /// One user by id.
    pub async fn user(&self, organisation: &OrgId, id: &UserId) -> Result<Option<User>> {
        let (number, id) = (i64::from(organisation.number()), id.clone());
        self.inner.readers.read(move |db| by_id(db, number, &id)).await
    }

    /// The user who wants to log in, in whatever organisation: check the password next.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<(OrgId, User)>> {
        let email = email.trim().to_lowercase();
        let read = move |db: &mut Db| {
            let sql = format!(
                "SELECT {COLUMNS}, o.number, o.id FROM users AS u \
                 JOIN organisations AS o ON o.number = u.organisation WHERE u.email = $1"
            );
            db.one(&sql, values![&email], |row| Ok((org_of(row, 7)?, read_user(row, 0)?)))
        };
        self.inner.readers.read(read).await
    }

    /// Adds a user.
    ///
    /// # Errors
    ///
    /// [`SaveError::NameTaken`] if the address belongs to somebody.
    pub async fn create_user(
        &self,
        organisation: &OrgId,
        draft: UserDraft,
    ) -> Result<User, SaveError> {
        let (number, id, now) = (i64::from(organisation.number()), self.new_id(), self.now());
        let change = move |db: &mut Db| create(db, number, id, draft, now);
        self.inner.writer.change(change).await
    }

    /// Changes a user. Log-ins end when the password changes or the user is disabled.
    ///
    /// # Errors
    ///
    /// [`SaveError::NotFound`], or [`SaveError::NameTaken`] if the address belongs to somebody.
    pub async fn update_user(
        &self,
        organisation: &OrgId,
        id: &UserId,
        draft: UserDraft,
    ) -> Result<User, SaveError> {
        let (number, id) = (i64::from(organisation.number()), id.clone());
        let change = move |db: &mut Db| update(db, number, &id, draft);
        let changed = self.inner.writer.change(change).await;
        self.inner.proofs.forget();
        changed
    }

    /// Deletes a user with their log-ins. Whether there was one.
    pub async fn delete_user(&self, organisation: &OrgId, id: &UserId) -> Result<bool> {
        let (number, id) = (i64::from(organisation.number()), id.clone());
        let write = move |db: &mut Db| {
            end_sessions(db, number, &id)?;
            let sql = "DELETE FROM users WHERE organisation = $1 AND id = $2";
            db.execute(sql, values![number, id.as_str()])
        };
        let deleted = self.inner.writer.write(write).await;
        self.inner.proofs.forget();
        Ok(deleted? == 1)
    }

    /// How many users there are in the whole hub: none means that set-up is due.
    pub async fn user_count(&self) -> Result<u64> {
        let read = |db: &mut Db| db.one("SELECT count(*) FROM users", &[], |row| row.int(0));
        Ok(self.inner.readers.read(read).await?.unwrap_or_default().unsigned_abs())
    }

    /// Stores the hash of the one-time token that makes the first administrator; replaces one
    /// that was stored before.
    pub async fn put_setup_token(&self, hash: &str, expires_at: UnixMs) -> Result<()> {
        let hash = hash.to_owned();
        let write = move |db: &mut Db| {
            let sql = "INSERT INTO setup_token (one, hash, expires_at) VALUES (1, $1, $2) \
                       ON CONFLICT (one) DO UPDATE SET hash = excluded.hash, \
                       expires_at = excluded.expires_at";
            db.execute(sql, values![&hash, expires_at])
        };
        self.inner.writer.write(write).await.map(|_| ())
    }

    /// Whether this is the stored set-up token, and it has not expired.
    pub async fn is_setup_token(&self, hash: &str) -> Result<bool> {
        let (hash, now) = (hash.to_owned(), self.now());
        let read = move |db: &mut Db| {
            let sql = "SELECT one FROM setup_token WHERE hash = $1 AND expires_at > $2";
            db.one(sql, values![&hash, now], |row| row.int(0))
        };
        Ok(self.inner.readers.read(read).await?.is_some())
    }

    /// Uses up the set-up token and makes the first administrator of the default organisation.
    /// `None` if the token is wrong, used or expired.
    ///
    /// # Errors
    ///
    /// [`SaveError::NameTaken`] if the address belongs to somebody; the token stays then.
    pub async fn set_up(&self, hash: &str, draft: UserDraft) -> Result<Option<User>, SaveError> {
        let (hash, now, id) = (hash.to_owned(), self.now(), self.new_id());
        let number = i64::from(self.inner.default_organisation.number());
        let change = move |db: &mut Db| {
            let sql = "DELETE FROM setup_token WHERE hash = $1 AND expires_at > $2";
            if db.execute(sql, values![&hash, now])? == 0 {
                return Ok(None);
            }
            create(db, number, id, draft, now).map(Some)
        };
        self.inner.writer.change(change).await
    }
}

fn create(
    db: &mut Db,
    organisation: i64,
    id: String,
    draft: UserDraft,
    now: UnixMs,
) -> Result<User, SaveError> {
    let email = draft.email.trim().to_lowercase();
    if email_owner(db, &email)?.is_some() {
        return Err(SaveError::NameTaken(email));
    }
    let user = User {
        id: id.into(),
        email,
        name: draft.name,
        role: draft.role,
        password_hash: draft.password_hash,
        enabled: draft.enabled,
        created_at: now,
    };
    let sql = "INSERT INTO users (organisation, id, email, name, role, password_hash, enabled, \
               created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let values = values![
        organisation,
        user.id.as_str(),
        &user.email,
        &user.name,
        &user.role,
        user.password_hash.as_ref(),
        user.enabled,
        now
    ];
    db.execute(sql, values)?;
    Ok(user)
}

fn update(
    db: &mut Db,
    organisation: i64,
    id: &UserId,
    draft: UserDraft,
) -> Result<User, SaveError> {
    let old = by_id(db, organisation, id)?.ok_or_else(|| SaveError::NotFound(id.to_string()))?;
    let email = draft.email.trim().to_lowercase();
    if email_owner(db, &email)?.is_some_and(|owner| owner != *id) {
        return Err(SaveError::NameTaken(email));
    }
    let changes_password =
        draft.password_hash.is_some() && draft.password_hash != old.password_hash;
    let user = User {
        email,
        name: draft.name,
        role: draft.role,
        password_hash: draft.password_hash.or(old.password_hash),
        enabled: draft.enabled,
        ..old
    };
    let sql = "UPDATE users SET email = $3, name = $4, role = $5, password_hash = $6, \
               enabled = $7 WHERE organisation = $1 AND id = $2";
    let values = values![
        organisation,
        id.as_str(),
        &user.email,
        &user.name,
        &user.role,
        user.password_hash.as_ref(),
        user.enabled
    ];
    db.execute(sql, values)?;
    if changes_password || !user.enabled {
        end_sessions(db, organisation, id)?;
    }
    Ok(user)
}

fn by_id(db: &mut Db, organisation: i64, id: &UserId) -> Result<Option<User>> {
    let sql = format!("SELECT {COLUMNS} FROM users AS u WHERE u.organisation = $1 AND u.id = $2");
    db.one(&sql, values![organisation, id.as_str()], |row| read_user(row, 0))
}

fn email_owner(db: &mut Db, email: &str) -> Result<Option<UserId>> {
    db.one("SELECT id FROM users WHERE email = $1", values![email], |row| Ok(row.text(0)?.into()))
}

fn end_sessions(db: &mut Db, organisation: i64, user: &UserId) -> Result<u64> {
    let sql = "DELETE FROM sessions WHERE organisation = $1 AND user_id = $2";
    db.execute(sql, values![organisation, user.as_str()])
}

/// Reads [`COLUMNS`] from the column `first` on.
pub(super) fn read_user(row: &Row<'_>, first: usize) -> Result<User> {
    Ok(User {
        id: row.text(first)?.into(),
        email: row.text(first + 1)?.to_owned(),
        name: row.text(first + 2)?.to_owned(),
        role: row.text(first + 3)?.to_owned(),
        password_hash: row.opt_text(first + 4)?.map(str::to_owned),
        enabled: row.int(first + 5)? == 1,
        created_at: UnixMs(row.int(first + 6)?),
    })
}
