//! Users, API keys, the organisation's settings, and the audit log.

use call::UnixMs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Time;
use crate::Scope;

/// Who asks, and what they may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Me {
    /// `key` or `user`.
    pub kind: String,
    /// Name of the key or the user.
    pub name: String,
    /// Id of the organisation.
    pub organisation: String,
    /// What they may do.
    pub scopes: Vec<Scope>,
}

/// What users may change of themselves: only what is given is changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeChange {
    /// The name that people see.
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub full_name: Option<String>,
    /// The new password; ends every session, the one that asks too.
    #[serde(default)]
    #[schemars(length(max = 1000), extend("writeOnly" = true))]
    pub password: Option<String>,
    /// The password until now; needed for a new one.
    #[serde(default)]
    #[schemars(length(max = 1000), extend("writeOnly" = true))]
    pub current_password: Option<String>,
}

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserRole {
    /// Everything in the organisation.
    Administrator,
    /// Reads calls, follows events, dials.
    Agent,
}

/// A person with an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    /// Sorts by creation.
    pub id: String,
    /// Identifies the user, as a rule an e-mail address; the `user` of calls.
    pub name: String,
    /// The name that people see.
    pub full_name: Option<String>,
    /// What the user may do.
    pub role: UserRole,
    /// Whether the user may log in.
    pub enabled: bool,
    /// Whether a password is set.
    pub has_password: bool,
    /// When the account was made.
    #[schemars(with = "Time")]
    pub created_at: UnixMs,
}

/// A user to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserInput {
    /// Identifies the user, as a rule an e-mail address.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// The name that people see.
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub full_name: Option<String>,
    /// What the user may do; an agent unless told.
    #[serde(default)]
    pub role: Option<UserRole>,
    /// Whether the user may log in; yes unless told.
    #[serde(default)]
    pub enabled: Option<bool>,
    /// Without one the user cannot log in with a password.
    #[serde(default)]
    #[schemars(length(max = 1000), extend("writeOnly" = true))]
    pub password: Option<String>,
}

/// A change of a user: only what is given is changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    /// The name that people see.
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub full_name: Option<String>,
    /// What the user may do.
    #[serde(default)]
    pub role: Option<UserRole>,
    /// Whether the user may log in.
    #[serde(default)]
    pub enabled: Option<bool>,
    /// The new password; ends every session of the user.
    #[serde(default)]
    #[schemars(length(max = 1000), extend("writeOnly" = true))]
    pub password: Option<String>,
}

/// An API key; the key itself is shown only once, when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKey {
    /// Sorts by creation.
    pub id: String,
    /// Identifies it to people.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was made.
    #[schemars(with = "Time")]
    pub created_at: UnixMs,
    /// When it was last used, to the minute.
    #[schemars(with = "Option<Time>")]
    pub last_used_at: Option<UnixMs>,
}

/// An API key to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyInput {
    /// Identifies it to people.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// What it may do.
    #[schemars(length(min = 1, max = 20))]
    pub scopes: Vec<Scope>,
}

/// A new API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewApiKey {
    /// What is stored of it.
    #[serde(flatten)]
    pub stored: ApiKey,
    /// `hsk_…`: shown this once, and stored only as a hash.
    pub key: String,
}

/// The settings of the organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Settings {
    /// Id of the organisation.
    pub organisation: String,
    /// Name of the organisation.
    pub name: String,
}

/// A change of the settings: only what is given is changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsChange {
    /// Name of the organisation.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    pub name: Option<String>,
}

/// Something that somebody changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditEntry {
    /// Rises with time.
    pub id: String,
    /// When.
    #[schemars(with = "Time")]
    pub at: UnixMs,
    /// Who: `user anna@example.com`, `key ci`, `command line`.
    pub actor: String,
    /// What was done, such as `pbx.changed`.
    pub action: String,
    /// What it was done to, such as `head-office`.
    pub target: String,
    /// Which fields changed; never a secret.
    pub detail: Option<String>,
}
