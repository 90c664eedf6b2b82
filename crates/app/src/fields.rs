//! The settings of phone systems and integrations: checked against the schema of their kind,
//! secrets sealed before they are stored, opened when a link or a worker needs them, masked for
//! everybody else.
//!
//! A field is a secret when its schema says `writeOnly`. Stored, it is
//! `{"sealed": "v1.…", "from": {"env": "NAME"}}`, `from` only where it came by a reference.

use api::FieldProblem;
use serde_json::{Map, Value, json};

use crate::{
    error::{AppError, Result, problem},
    schema,
    vault::Vault,
};

/// The settings of one kind, and where they are sealed for.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    pub(crate) schema: &'a Value,
    pub(crate) vault: &'a Vault,
    /// Organisation and shelf: what a secret is bound to, beside the field's name.
    pub(crate) place: [&'a str; 2],
}

/// Gives what a reference such as `{"env": "NAME"}` stands for; `None` when it cannot be told.
pub(crate) type Resolve<'a> = &'a (dyn Fn(&Reference) -> Option<String> + Sync);

/// Where a secret came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A variable of the environment of whoever applied it.
    Env(String),
    /// A file on the machine of whoever applied it.
    File(String),
}

impl Reference {
    /// Reads `{"env": "NAME"}` or `{"file": "PATH"}`.
    #[must_use]
    pub fn of(value: &Value) -> Option<Reference> {
        let map = value.as_object().filter(|it| it.len() == 1)?;
        let (key, name) = map.iter().next()?;
        let name = name.as_str()?.to_owned();
        match key.as_str() {
            "env" => Some(Reference::Env(name)),
            "file" => Some(Reference::File(name)),
            _ => None,
        }
    }

    /// As [`api::ApplyInput::secrets`] names it.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Reference::Env(name) => format!("env:{name}"),
            Reference::File(path) => format!("file:{path}"),
        }
    }
}

/// Settings that passed, in both forms.
#[derive(Debug)]
pub(crate) struct Taken {
    /// As they are stored.
    pub(crate) stored: Map<String, Value>,
    /// As the kind reads them.
    pub(crate) open: Map<String, Value>,
}

/// The whole of a secret: what stands for one whose value was given before.
const STORED: &str = "stored";

impl Fields<'_> {
    /// Takes settings as somebody gave them. `old` is what is stored of them, for secrets that
    /// are left as they are.
    pub(crate) fn take(
        &self,
        given: &Map<String, Value>,
        old: Option<&Map<String, Value>>,
        resolve: Resolve<'_>,
    ) -> Result<Taken, Vec<FieldProblem>> {
        let mut problems = Vec::new();
        let mut taken = Taken { stored: Map::new(), open: Map::new() };
        for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
            if !self.is_secret(name) {
                taken.stored.insert(name.clone(), value.clone());
                taken.open.insert(name.clone(), value.clone());
                continue;
            }
            match self.take_secret(name, value, old.and_then(|it| it.get(name)), resolve) {
                Ok((sealed, clear)) => {
                    taken.stored.insert(name.clone(), sealed);
                    taken.open.insert(name.clone(), Value::String(clear));
                }
                Err(message) => problems.push(problem(name, message)),
            }
        }
        let secrets_failed = problems.len();
        let checked = schema::check(self.schema, &Value::Object(taken.open.clone()));
        // A secret that could not be read is not missing too.
        let told: Vec<String> = problems.iter().map(|it| it.field.clone()).collect();
        problems.extend(checked.into_iter().filter(|it| !told.contains(&it.field)));
        debug_assert!(problems.len() >= secrets_failed);
        if problems.is_empty() { Ok(taken) } else { Err(problems) }
    }

    /// Opens stored settings for whoever needs them: a link, a connector.
    pub(crate) fn open(&self, stored: &Map<String, Value>) -> Result<Map<String, Value>> {
        let mut open = stored.clone();
        for (name, value) in &mut open {
            if let Some(sealed) = sealed_text(value) {
                *value = Value::String(self.unseal(name, sealed).map_err(|it| {
                    AppError::Internal(format!("the setting `{name}`: {it}; give it again"))
                })?);
            }
        }
        Ok(open)
    }

    fn take_secret(
        &self,
        name: &str,
        value: &Value,
        old: Option<&Value>,
        resolve: Resolve<'_>,
    ) -> Result<(Value, String), String> {
        if let Some(text) = value.as_str() {
            return Ok(self.keep_or_seal(name, text.to_owned(), None, old));
        }
        if value.get(STORED) == Some(&Value::Bool(true)) {
            let old = old.ok_or("there is no stored value yet: give one")?;
            let sealed = sealed_text(old).ok_or("the stored value is damaged: give it again")?;
            let clear = self.unseal(name, sealed)?;
            return Ok((old.clone(), clear));
        }
        let Some(reference) = Reference::of(value) else {
            return Err("must be a text, `{ env = \"NAME\" }` or `{ file = \"PATH\" }`".to_owned());
        };
        if let Some(clear) = resolve(&reference) {
            return Ok(self.keep_or_seal(name, clear, Some(value), old));
        }
        // The very reference that is stored, and not to be resolved here: leave it as it is.
        match old.filter(|it| it.get("from") == Some(value)) {
            Some(old) => {
                let sealed =
                    sealed_text(old).ok_or("the stored value is damaged: give it again")?;
                Ok((old.clone(), self.unseal(name, sealed)?))
            }
            None => Err(match reference {
                Reference::Env(name) => format!("the environment variable {name} is not set"),
                Reference::File(path) => format!("the file {path} could not be read"),
            }),
        }
    }

    /// Seals anew only what changed, so that saving the same again changes nothing.
    fn keep_or_seal(
        &self,
        name: &str,
        clear: String,
        from: Option<&Value>,
        old: Option<&Value>,
    ) -> (Value, String) {
        if let Some(old) = old
            && old.get("from") == from
            && sealed_text(old).is_some_and(|it| self.unseal(name, it).as_ref() == Ok(&clear))
        {
            return (old.clone(), clear);
        }
        let [organisation, shelf] = self.place;
        let sealed = self.vault.seal(&[organisation, shelf, name], clear.as_bytes());
        let mut stored = json!({ "sealed": sealed });
        if let Some(from) = from {
            stored["from"] = from.clone();
        }
        (stored, clear)
    }

    fn unseal(&self, name: &str, sealed: &str) -> Result<String, String> {
        let [organisation, shelf] = self.place;
        let bytes = self.vault.open(&[organisation, shelf, name], sealed);
        let bytes = bytes.map_err(|it| it.to_string())?;
        String::from_utf8(bytes).map_err(|_| "a stored secret is no text".to_owned())
    }

    fn is_secret(&self, name: &str) -> bool {
        let property = self.schema.get("properties").and_then(|it| it.get(name));
        property.is_some_and(|it| says_write_only(self.schema, it))
    }
}

/// Stored settings as anybody may see them: a secret as the reference that it came from, or as
/// `{"stored": true}`.
pub(crate) fn shown(stored: &Map<String, Value>) -> Map<String, Value> {
    let mut shown = stored.clone();
    for value in shown.values_mut() {
        if sealed_text(value).is_some() {
            *value = value.get("from").cloned().unwrap_or_else(|| json!({ STORED: true }));
        }
    }
    shown
}

/// What is stored with changes laid over it: `null` takes a field away.
pub(crate) fn merged(
    stored: &Map<String, Value>,
    changes: &Map<String, Value>,
) -> Map<String, Value> {
    let mut merged = shown(stored);
    for (name, value) in changes {
        if value.is_null() {
            merged.remove(name);
        } else {
            merged.insert(name.clone(), value.clone());
        }
    }
    merged
}

/// The API resolves no reference on behalf of a caller: the environment and the files are the
/// hub's own.
pub(crate) fn resolve_nothing(_: &Reference) -> Option<String> {
    None
}

fn sealed_text(value: &Value) -> Option<&str> {
    value.get("sealed").and_then(Value::as_str)
}

fn says_write_only(root: &Value, property: &Value) -> bool {
    let property = schema::resolve(root, property);
    let branches = ["anyOf", "oneOf", "allOf"];
    property.get("writeOnly") == Some(&Value::Bool(true))
        || branches
            .iter()
            .filter_map(|it| property.get(it)?.as_array())
            .flatten()
            .any(|it| says_write_only(root, it))
}

#[cfg(test)]
mod tests;
