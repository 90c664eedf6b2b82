//! Who may do what: organisations, users, keys, sessions and the set-up token.
//!
//! Secrets come in hashed; the store never sees one in clear. The methods that find a record by
//! the hash of a secret are the ones that give out an [`OrgId`].

use call::UnixMs;

use crate::{KeyId, OrgId, Result, SaveError, Store, UserId, unbuilt};

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
        OrgId::of_row(1, "")
    }

    /// All organisations.
    pub async fn organisations(&self) -> Result<Vec<Organisation>> {
        Err(unbuilt(&()))
    }

    /// Makes one more organisation.
    pub async fn create_organisation(&self, name: &str) -> Result<Organisation, SaveError> {
        Err(unbuilt(name).into())
    }

    /// All users, by e-mail address.
    pub async fn users(&self, organisation: &OrgId) -> Result<Vec<User>> {
        Err(unbuilt(organisation))
    }

    /// One user by id.
    pub async fn user(&self, organisation: &OrgId, id: &UserId) -> Result<Option<User>> {
        Err(unbuilt(&(organisation, id)))
    }

    /// The user who wants to log in, in whatever organisation: check the password next.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<(OrgId, User)>> {
        Err(unbuilt(email))
    }

    /// Adds a user.
    pub async fn create_user(
        &self,
        organisation: &OrgId,
        draft: UserDraft,
    ) -> Result<User, SaveError> {
        Err(unbuilt(&(organisation, draft)).into())
    }

    /// Changes a user. Log-ins end when the password changes or the user is disabled.
    pub async fn update_user(
        &self,
        organisation: &OrgId,
        id: &UserId,
        draft: UserDraft,
    ) -> Result<User, SaveError> {
        Err(unbuilt(&(organisation, id, draft)).into())
    }

    /// Deletes a user with their log-ins. Whether there was one.
    pub async fn delete_user(&self, organisation: &OrgId, id: &UserId) -> Result<bool> {
        Err(unbuilt(&(organisation, id)))
    }

    /// How many users there are in the whole hub: none means that set-up is due.
    pub async fn user_count(&self) -> Result<u64> {
        Err(unbuilt(&()))
    }

    /// All keys, by name.
    pub async fn api_keys(&self, organisation: &OrgId) -> Result<Vec<ApiKey>> {
        Err(unbuilt(organisation))
    }

    /// Makes a key. `hash` is of the secret that its holder shows.
    pub async fn create_api_key(
        &self,
        organisation: &OrgId,
        name: &str,
        hash: &str,
        scopes: Vec<String>,
        expires_at: Option<UnixMs>,
    ) -> Result<ApiKey, SaveError> {
        Err(unbuilt(&(organisation, name, hash, scopes, expires_at)).into())
    }

    /// The key whose secret has this hash, and the organisation that it opens. Notes that it was
    /// used, at most once a minute and without waiting. Expired keys are not found.
    pub async fn api_key_by_hash(&self, hash: &str) -> Result<Option<(OrgId, ApiKey)>> {
        Err(unbuilt(hash))
    }

    /// Deletes a key. Whether there was one.
    pub async fn delete_api_key(&self, organisation: &OrgId, id: &KeyId) -> Result<bool> {
        Err(unbuilt(&(organisation, id)))
    }

    /// Begins a log-in. `hash` is of the token in the cookie.
    pub async fn create_session(
        &self,
        organisation: &OrgId,
        user: &UserId,
        hash: &str,
        csrf: &str,
        expires_at: UnixMs,
    ) -> Result<()> {
        Err(unbuilt(&(organisation, user, hash, csrf, expires_at)))
    }

    /// The log-in whose token has this hash, and the organisation that it opens. Expired ones and
    /// those of disabled users are not found.
    pub async fn session_by_hash(&self, hash: &str) -> Result<Option<(OrgId, Session)>> {
        Err(unbuilt(hash))
    }

    /// Ends a log-in.
    pub async fn delete_session(&self, hash: &str) -> Result<()> {
        Err(unbuilt(hash))
    }

    /// Stores the hash of the one-time token that makes the first administrator; replaces one
    /// that was stored before.
    pub async fn put_setup_token(&self, hash: &str, expires_at: UnixMs) -> Result<()> {
        Err(unbuilt(&(hash, expires_at)))
    }

    /// Whether this is the stored set-up token, and it has not expired.
    pub async fn is_setup_token(&self, hash: &str) -> Result<bool> {
        Err(unbuilt(hash))
    }

    /// Uses up the set-up token and makes the first administrator of the default organisation.
    /// `None` if the token is wrong, used or expired.
    pub async fn set_up(&self, hash: &str, draft: UserDraft) -> Result<Option<User>, SaveError> {
        Err(unbuilt(&(hash, draft)).into())
    }
}
