//! Prints the stored configuration as a declarative file, secrets as references.

use std::fmt::Write as _;

use api::{Exported, Scope, UserRole};
use serde_json::{Map, Value, json};
use store::{Entry, Shelf};

use super::apply::SHELVES;
use crate::{Actor, App, Result, fields, groups, keys, pbxes::settings_of, users};

/// What stands on top of an exported file.
const HEAD: &str = "# Exported by hookswitch. `{ stored = true }` stands for a secret that this hub \
                    keeps and does\n# not tell; another hub needs the secret itself.\n";

/// The stored configuration in the form that [`super::apply`] reads.
///
/// # Errors
///
/// Without `admin`.
pub async fn export(app: &App, actor: &Actor) -> Result<Exported> {
    actor.need(Scope::Admin)?;
    let organisation = actor.organisation();
    let mut toml = HEAD.to_owned();
    for &(table, shelf) in SHELVES {
        let mut entries = app.store.entries(organisation, shelf).await?;
        entries.sort_by(|a, b| a.id.cmp(&b.id));
        for entry in entries {
            push(&mut toml, table, &declared(shelf, &entry));
        }
    }
    for user in app.store.users(organisation).await? {
        push(&mut toml, "user", &declared_user(&user));
    }
    for key in app.store.api_keys(organisation).await? {
        let scopes: Vec<&str> = keys::shape(&key).scopes.iter().map(|it| it.name()).collect();
        push(&mut toml, "api_key", &object(json!({ "name": key.name, "scopes": scopes })));
    }
    Ok(Exported { toml })
}

fn declared(shelf: Shelf, entry: &Entry) -> Map<String, Value> {
    if shelf == Shelf::Group {
        let group = serde_json::to_value(groups::shape(entry).input);
        return object(group.unwrap_or_default());
    }
    let mut out = object(json!({ "name": entry.name, "kind": entry.kind }));
    if !entry.enabled {
        out.insert("enabled".to_owned(), Value::Bool(false));
    }
    out.extend(fields::shown(&settings_of(entry)));
    out
}

fn declared_user(user: &store::User) -> Map<String, Value> {
    let user = users::shape(user);
    let mut out = object(json!({ "name": user.name }));
    if let Some(full_name) = user.full_name {
        out.insert("full_name".to_owned(), full_name.into());
    }
    if user.role != UserRole::Agent {
        out.insert("role".to_owned(), json!(user.role));
    }
    if !user.enabled {
        out.insert("enabled".to_owned(), Value::Bool(false));
    }
    out
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(map) = value { map } else { Map::new() }
}

/// Writes one entry.
fn push(out: &mut String, table: &str, fields: &Map<String, Value>) {
    let _ = write!(out, "\n[[{table}]]\n");
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        let _ = writeln!(out, "{} = {}", key(name), text(value));
    }
}

/// A value as it stands on one line, or a list of tables with one on each.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "\"\"".to_owned(),
        Value::Bool(it) => it.to_string(),
        Value::Number(it) => it.to_string(),
        Value::String(it) => toml::Value::String(it.clone()).to_string(),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            let lines: String = items.iter().map(|it| format!("  {},\n", text(it))).collect();
            format!("[\n{lines}]")
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(", "))
        }
        Value::Object(map) => {
            let known = map.iter().filter(|(_, value)| !value.is_null());
            let fields: Vec<String> =
                known.map(|(name, value)| format!("{} = {}", key(name), text(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
    }
}

fn key(name: &str) -> String {
    let bare = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '-');
    if !name.is_empty() && name.chars().all(bare) {
        name.to_owned()
    } else {
        toml::Value::String(name.to_owned()).to_string()
    }
}
