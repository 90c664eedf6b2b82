//! Forms from the JSON Schema of settings, and settings from what a form sends.
//!
//! A setting is declared once, as a field of a struct: its comment is the help, its type the
//! input, its range the check in the browser. Nothing here knows any kind of phone system or
//! integration.

mod schema;
#[cfg(test)]
mod tests;

use api::FieldProblem;
use serde_json::{Map, Value, json};

pub(crate) use schema::fields;

/// What a browser sends: names and values in order.
pub(crate) type Sent = Vec<(String, String)>;

/// The first value of this name.
pub(crate) fn sent<'a>(form: &'a Sent, name: &str) -> Option<&'a str> {
    form.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
}

/// Every value of this name.
pub(crate) fn all_sent(form: &Sent, name: &str) -> Vec<String> {
    form.iter().filter(|(it, _)| it == name).map(|(_, value)| value.clone()).collect()
}

/// How a setting is typed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    /// One line.
    Text,
    /// Hidden while it is typed; never shown again.
    Secret,
    /// A number; bounds as the browser takes them, empty for none.
    Number { min: String, max: String, whole: bool },
    /// Yes or no.
    Switch,
    /// Whether a group of settings is there at all; its parts follow.
    Group,
    /// One of these.
    Choice(Vec<String>),
    /// Several lines of text.
    Long,
    /// A list, one entry per line.
    Lines,
    /// Anything else, as JSON.
    Json,
}

/// One setting in a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// The name of the setting; a dot stands before a part of a group of settings.
    pub(crate) name: String,
    /// What people read.
    pub(crate) label: String,
    /// What it is for; from the comment of the struct's field.
    pub(crate) help: String,
    /// How it is typed in.
    pub(crate) input: Input,
    /// Whether it must be given.
    pub(crate) required: bool,
    /// What it is now, as typed in.
    pub(crate) value: String,
    /// What it is when nothing is given.
    pub(crate) default: String,
    /// The stored secret that stays when nothing is typed.
    pub(crate) kept: Option<Value>,
    /// What is wrong with it.
    pub(crate) error: Option<String>,
    /// Whether few people need it: it stands below, folded away.
    pub(crate) advanced: bool,
}

impl Field {
    /// The id of the input.
    pub(crate) fn id(&self) -> String {
        format!("f-{}", self.name.replace('.', "-"))
    }

    /// The group of settings that it is a part of.
    pub(crate) fn group(&self) -> Option<&str> {
        self.name.split_once('.').map(|(group, _)| group)
    }

    /// Whether it says something other than its default, or something wrong.
    fn is_set(&self) -> bool {
        self.error.is_some() || self.kept.is_some() || !["", &self.default].contains(&&*self.value)
    }

    /// How high a text area is.
    pub(crate) fn rows(&self) -> usize {
        self.value.lines().count().clamp(2, 16) + 1
    }

    /// Where a secret that is kept comes from, when it is a reference.
    pub(crate) fn reference(&self) -> Option<String> {
        let kept = self.kept.as_ref()?.as_object()?;
        ["env", "file"].iter().find_map(|it| {
            let name = kept.get(*it)?.as_str()?;
            Some(format!("{it}: {name}"))
        })
    }

    /// Reads what was typed.
    ///
    /// `Ok(None)`: nothing, the default applies.
    fn read(&self, typed: Option<&str>) -> Result<Option<Value>, String> {
        let text = typed.unwrap_or_default();
        match &self.input {
            Input::Switch => Ok(Some(Value::Bool(typed.is_some()))),
            Input::Group => Ok(typed.is_some().then(|| json!({}))),
            Input::Secret if text.is_empty() => Ok(self.kept.clone()),
            Input::Long if !text.trim().is_empty() => {
                Ok(Some(Value::String(text.replace("\r\n", "\n"))))
            }
            _ if text.trim().is_empty() => Ok(None),
            Input::Text | Input::Choice(_) => Ok(Some(Value::String(text.trim().to_owned()))),
            Input::Secret | Input::Long => Ok(Some(Value::String(text.to_owned()))),
            Input::Number { whole, .. } => number(text.trim(), *whole).map(Some),
            Input::Lines => {
                let lines = text.lines().map(str::trim).filter(|it| !it.is_empty());
                Ok(Some(Value::Array(lines.map(|it| json!(it)).collect())))
            }
            Input::Json => serde_json::from_str(text).map(Some).map_err(|it| it.to_string()),
        }
    }
}

fn number(text: &str, whole: bool) -> Result<Value, String> {
    let read = if whole {
        text.parse::<i64>().ok().map(Value::from)
    } else {
        text.parse::<f64>().ok().filter(|it| it.is_finite()).map(Value::from)
    };
    read.ok_or_else(|| {
        let expected = if whole { "a whole number" } else { "a number" };
        format!("`{text}` is not {expected}")
    })
}

/// Whether there are settings that few people need.
pub(crate) fn has_advanced(fields: &[Field]) -> bool {
    fields.iter().any(|it| it.advanced)
}

/// Whether the settings that few people need are shown from the start: one of them is set.
pub(crate) fn unfolded(fields: &[Field]) -> bool {
    fields.iter().any(|it| it.advanced && it.is_set())
}

/// Settings from what a form sent. A field that was left empty is `null` when `clear` is set (a
/// change that puts it back to its default), else it is left out.
///
/// What was typed is kept in the fields, so that the form can be shown again.
pub(crate) fn read(fields: &mut [Field], form: &Sent, clear: bool) -> Map<String, Value> {
    let mut settings = Map::new();
    let left_out: Vec<String> = fields
        .iter()
        .filter(|it| it.input == Input::Group && sent(form, &it.name).is_none())
        .map(|it| format!("{}.", it.name))
        .collect();
    for field in fields {
        if left_out.iter().any(|it| field.name.starts_with(it.as_str())) {
            continue;
        }
        let typed = sent(form, &field.name);
        match field.read(typed) {
            Ok(Some(value)) => put(&mut settings, &field.name, value),
            Ok(None) if clear && !field.name.contains('.') => {
                put(&mut settings, &field.name, Value::Null);
            }
            Ok(None) => {}
            Err(message) => field.error = Some(message),
        }
        if matches!(field.input, Input::Switch | Input::Group) {
            field.value = if typed.is_some() { "true" } else { "false" }.to_owned();
        } else if field.input != Input::Secret {
            field.value = typed.unwrap_or_default().to_owned();
        }
    }
    settings
}

fn put(settings: &mut Map<String, Value>, name: &str, value: Value) {
    let Some((group, part)) = name.split_once('.') else {
        settings.insert(name.to_owned(), value);
        return;
    };
    let group = settings.entry(group).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(group) = group {
        group.insert(part.to_owned(), value);
    }
}

/// Puts each problem beside its field; gives back those that belong to none.
pub(crate) fn place(fields: &mut [Field], problems: &[FieldProblem]) -> Vec<FieldProblem> {
    let mut rest = Vec::new();
    for problem in problems {
        let name = problem.field.strip_prefix("settings.").unwrap_or(&problem.field);
        let root = |it: &Field| {
            name.strip_prefix(it.name.as_str())
                .is_some_and(|after| after.is_empty() || after.starts_with(['.', '[']))
        };
        // The longest name that fits: a part of a group rather than the group.
        let fitting = fields.iter_mut().filter(|it| root(it)).max_by_key(|it| it.name.len());
        match fitting {
            Some(field) => match &mut field.error {
                Some(error) => {
                    error.push(' ');
                    error.push_str(&problem.message);
                }
                None => field.error = Some(problem.message.clone()),
            },
            None => rest.push(problem.clone()),
        }
    }
    rest
}
