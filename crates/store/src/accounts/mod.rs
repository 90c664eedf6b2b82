//! Who may do what: organisations, users, keys, sessions and the set-up token.
//!
//! Secrets come in hashed; the store never sees one in clear. The methods that find a record by
//! the hash of a secret are the ones that give out an [`OrgId`].

mod keys;
mod proofs;
mod sessions;
#[cfg(test)]
mod tests;
mod users;

use call::UnixMs;

pub(crate) use proofs::Proofs;

use crate::{
    KeyId, OrgId, Result, SaveError, Store, StoreError, UserId,
    db::{Db, Row, values},
    key::ORGANISATIONS_MAX,
};

/// An organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// Its id.
    pub id: OrgId,
    /// What people call it by.
    pub name: String,
}

/// A person who may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Made by the store.
    pub id: UserId,
    /// Unique in the whole hub; stored in lower case.
    pub email: String,
    /// What people call them by.
    pub name: String,
    /// The role's name; what it allows is decided by `app`.
    pub role: String,
    /// Argon2 hash as a PHC text; `None` while no password is set.
    pub password_hash: Option<String>,
    /// Whether they may log in.
    pub enabled: bool,
    /// When they were added.
    pub created_at: UnixMs,
}

/// What is saved of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserDraft {
    /// Unique in the whole hub.
    pub email: String,
    /// What people call them by.
    pub name: String,
    /// The role's name.
    pub role: String,
    /// Argon2 hash as a PHC text; `None` leaves the stored one as it is.
    pub password_hash: Option<String>,
    /// Whether they may log in.
    pub enabled: bool,
}

/// A key of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Made by the store.
    pub id: KeyId,
    /// Unique in its organisation.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: UnixMs,
    /// When it was last used, to the minute.
    pub last_used_at: Option<UnixMs>,
    /// When it stops working.
    pub expires_at: Option<UnixMs>,
}

/// A log-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Who is logged in.
    pub user: User,
    /// Hash of the token that forms must carry.
    pub csrf: String,
    /// When it began.
    pub created_at: UnixMs,
    /// When it ends.
    pub expires_at: UnixMs,
}

impl Store {
    /// The organisation that a new database starts with: for commands run by whoever owns the
    /// data directory, and for the set-up link.
    #[must_use]
    pub fn default_organisation(&self) -> OrgId {
        self.inner.default_organisation.clone()
    }

    /// All organisations.
    pub async fn organisations(&self) -> Result<Vec<Organisation>> {
        let read = |db: &mut Db| {
            let sql = "SELECT number, id, name FROM organisations ORDER BY number";
            db.all(sql, &[], |row| {
                Ok(Organisation { id: org_of(row, 0)?, name: row.text(2)?.to_owned() })
            })
        };
        self.inner.readers.read(read).await
    }

    /// Makes one more organisation.
    ///
    /// # Errors
    ///
    /// [`SaveError::NameTaken`].
    pub async fn create_organisation(&self, name: &str) -> Result<Organisation, SaveError> {
        let (id, now, name) = (self.new_id(), self.now(), name.to_owned());
        let change = move |db: &mut Db| {
            let sql = "SELECT number FROM organisations WHERE name = $1";
            if db.one(sql, values![&name], |row| row.int(0))?.is_some() {
                return Err(SaveError::NameTaken(name));
            }
            let sql = "INSERT INTO organisations (number, id, name, created_at) \
                       SELECT max(number) + 1, $1, $2, $3 FROM organisations RETURNING number";
            let number = db.one(sql, values![&id, &name, now], |row| row.int(0))?;
            let number = number.and_then(|it| u16::try_from(it).ok()).unwrap_or(u16::MAX);
            if ORGANISATIONS_MAX < number {
                let reason = format!("there are {ORGANISATIONS_MAX} organisations already");
                return Err(StoreError::Broken(reason).into());
            }
            Ok(Organisation { id: OrgId::of_row(number, &id), name })
        };
        self.inner.writer.change(change).await
    }
}

/// Reads `organisations.number, organisations.id` from the column `first` on.
pub(crate) fn org_of(row: &Row<'_>, first: usize) -> Result<OrgId> {
    let number = u16::try_from(row.int(first)?)
        .map_err(|_| StoreError::Broken("the number of an organisation is too big".to_owned()))?;
    Ok(OrgId::of_row(number, row.text(first + 1)?))
}
