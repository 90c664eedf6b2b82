//! The declarative configuration, the doctor, and the state of the hub.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A declarative file to be applied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyInput {
    /// The text of the file, TOML.
    pub toml: String,
    /// What its references stand for: `env:NAME` and `file:PATH` to their values. The hub reads
    /// no environment and no file on behalf of a caller.
    #[serde(default)]
    #[schemars(extend("writeOnly" = true))]
    pub secrets: BTreeMap<String, String>,
    /// Whether to tell only what would change.
    #[serde(default)]
    pub dry_run: bool,
}

/// What `apply` changed, or would.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApplyResult {
    /// In the order in which it was done.
    pub changes: Vec<Change>,
    /// API keys that were made: name to key, shown this once.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub new_keys: BTreeMap<String, String>,
    /// Whether nothing was done in fact.
    pub dry_run: bool,
}

/// One change of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// What is done.
    pub action: ChangeAction,
    /// The table of the declarative file, such as `pbx`.
    pub table: String,
    /// The name of the entry.
    pub name: String,
    /// The fields that change; secrets by name only.
    pub fields: Vec<String>,
}

/// What is done to an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeAction {
    /// It is new.
    Create,
    /// It is there and differs.
    Change,
    /// It is stored, and the file does not have it.
    Remove,
}

impl std::fmt::Display for Change {
    /// `+ pbx head-office`, `~ integration crm: url, secret`, `- group Sales`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = match self.action {
            ChangeAction::Create => '+',
            ChangeAction::Change => '~',
            ChangeAction::Remove => '-',
        };
        write!(f, "{sign} {} {}", self.table, self.name)?;
        if !self.fields.is_empty() && self.action == ChangeAction::Change {
            write!(f, ": {}", self.fields.join(", "))?;
        }
        Ok(())
    }
}

/// The stored configuration as a declarative file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exported {
    /// The text of the file, TOML; secrets as references.
    pub toml: String,
}

/// How bad a finding is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// All is well.
    Ok,
    /// Works, but somebody should look.
    Warning,
    /// Does not work.
    Error,
}

/// What the doctor found about one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What was looked at: `storage`, `pbx head-office`, `integration crm`.
    pub subject: String,
    /// What was found, in plain words.
    pub message: String,
    /// What to do about it.
    pub advice: Option<String>,
}

/// What the doctor found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Examination {
    /// One for each thing that was looked at, the hub's own first.
    pub findings: Vec<Finding>,
}

impl Examination {
    /// Whether something does not work.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|it| it.severity == Severity::Error)
    }
}

/// Whether the hub lives and is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// `ok`, or why not.
    pub status: String,
}
