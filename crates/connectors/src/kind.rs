//! What a folder tells the rest of the hub about itself, and the check of settings that all share.

use std::{fmt, sync::Arc};

use schemars::Schema;
use serde::de::DeserializeOwned;
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
    ///
    /// `writeOnly` marks a secret; `x-template` a field that is a template, and what for: `url`,
    /// `headers`, `body` or `text`.
    pub schema: fn() -> Schema,
    /// Checks settings and makes a connector of them.
    pub open: fn(&Value, &Client) -> Opened,
}

/// What [`Kind::open`] gives.
pub type Opened = Result<Arc<dyn Connector>, SettingsError>;

/// Settings that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError {
    /// Name of the setting; empty if all of them are meant.
    pub field: String,
    /// What is wrong with it, and what to do.
    pub message: String,
}

impl SettingsError {
    pub(crate) fn new(field: impl Into<String>, message: impl fmt::Display) -> SettingsError {
        SettingsError { field: field.into(), message: message.to_string() }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => f.write_str(&self.message),
            field => write!(f, "{field}: {}", self.message),
        }
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kind").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Reads settings into their struct: names, types, and the ranges of the schema.
pub(crate) fn read<T: DeserializeOwned>(
    settings: &Value,
    schema: &Schema,
) -> Result<T, SettingsError> {
    let Value::Object(given) = settings else {
        return Err(SettingsError::new("", "the settings must be an object"));
    };
    let none = serde_json::Map::new();
    let fields = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    for (name, value) in given {
        match fields.get(name) {
            Some(field) => in_range(name, value, field)?,
            None => return Err(unknown(name, fields.keys().map(String::as_str))),
        }
    }
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    if let Some(missing) = required.filter_map(Value::as_str).find(|it| !given.contains_key(*it)) {
        return Err(SettingsError::new(missing, "is missing"));
    }
    serde_path_to_error::deserialize(settings)
        .map_err(|error| SettingsError::new(error.path().to_string(), error.inner()))
}

fn in_range(name: &str, value: &Value, field: &Value) -> Result<(), SettingsError> {
    let Some(number) = value.as_f64() else { return Ok(()) };
    let bound = |key| field.get(key).and_then(Value::as_f64);
    let (least, most) = (bound("minimum"), bound("maximum"));
    if least.is_some_and(|it| number < it) || most.is_some_and(|it| it < number) {
        let text = |it: Option<f64>, open: &str| it.map_or(open.to_owned(), |it| it.to_string());
        let message = format!(
            "is {number}, and must be from {} to {}",
            text(least, "any"),
            text(most, "any")
        );
        return Err(SettingsError::new(name, message));
    }
    Ok(())
}

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> SettingsError {
    let near = known
        .clone()
        .map(|it| (strsim::damerau_levenshtein(name, it), it))
        .min_by_key(|it| it.0)
        .filter(|(distance, _)| *distance <= (name.chars().count() / 3).max(1));
    let hint = match near {
        Some((_, near)) => format!("did you mean `{near}`?"),
        None => format!("there are {}", known.collect::<Vec<_>>().join(", ")),
    };
    SettingsError::new(name, format!("is no setting of this kind; {hint}"))
}
