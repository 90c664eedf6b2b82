//! What a folder tells the rest of the hub about itself.

use std::sync::Arc;

use schemars::Schema;
use serde_json::Value;

use crate::{Client, Connector};

/// One kind of integration.
pub struct Kind {
    /// Stays in the database for good: lower case, never renamed.
    pub name: &'static str,
    /// What it is called on a page.
    pub title: &'static str,
    /// The folder's page, in Markdown.
    pub page: &'static str,
    /// JSON Schema of the settings: labels from comments, defaults, ranges.
    pub schema: fn() -> Schema,
    /// Checks settings and makes a connector of them.
    pub open: fn(&Value, &Client) -> Opened,
}

/// What [`Kind::open`] gives.
pub type Opened = Result<Arc<dyn Connector>, SettingsError>;

/// Settings that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct SettingsError {
    /// Name of the setting.
    pub field: String,
    /// What is wrong with it, and what to do.
    pub message: String,
}
