//! Reads the JSON Schema of settings as `schemars` writes it.

use serde_json::{Map, Value};

use super::{Field, Input};

/// The fields of a form for settings of this schema, with the values that are stored.
///
/// The order is that of the schema. A group of settings becomes one field for each of its parts,
/// one level deep.
pub(crate) fn fields(schema: &Value, stored: &Map<String, Value>) -> Vec<Field> {
    let mut out = Vec::new();
    object(schema, schema, "", stored, &mut out);
    out
}

fn object(
    root: &Value,
    part: &Value,
    prefix: &str,
    stored: &Map<String, Value>,
    out: &mut Vec<Field>,
) {
    let required: Vec<&str> = part["required"]
        .as_array()
        .map(|it| it.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let none = Map::new();
    let empty = Map::new();
    for (name, raw) in part["properties"].as_object().unwrap_or(&none) {
        let property = Property::resolve(root, raw);
        let value = stored.get(name);
        if prefix.is_empty() && property.body["properties"].is_object() {
            let stored = value.and_then(Value::as_object);
            if property.is_optional() {
                let mut switch = property.field(name, false, None);
                switch.value = if stored.is_some() { "true" } else { "false" }.to_owned();
                switch.input = Input::Group;
                out.push(switch);
            }
            let stored = stored.unwrap_or(&empty);
            object(root, property.body, &format!("{name}."), stored, out);
            continue;
        }
        let required = prefix.is_empty() && required.contains(&name.as_str());
        out.push(property.field(&format!("{prefix}{name}"), required, value));
    }
}

/// One property: what is written at it, and what it refers to.
struct Property<'a> {
    raw: &'a Value,
    body: &'a Value,
}

impl<'a> Property<'a> {
    /// Follows `$ref`, and takes the part of `anyOf` that is not `null`.
    fn resolve(root: &'a Value, raw: &'a Value) -> Property<'a> {
        let mut body = raw;
        // A schema of ours refers at most once or twice; a circle must not keep us here.
        for _ in 0..8 {
            let alternatives = body["anyOf"].as_array().or(body["allOf"].as_array());
            let target = body["$ref"].as_str().and_then(|it| root.pointer(it.strip_prefix('#')?));
            let other = alternatives.and_then(|all| all.iter().find(|it| it["type"] != "null"));
            match target.or(other) {
                Some(next) => body = next,
                None => break,
            }
        }
        Property { raw, body }
    }

    fn get(&self, key: &str) -> &'a Value {
        let own = &self.raw[key];
        if own.is_null() { &self.body[key] } else { own }
    }

    fn field(&self, name: &str, required: bool, value: Option<&Value>) -> Field {
        let input = self.input();
        let default = shown(self.get("default"), &input);
        let kept = value.filter(|it| input == Input::Secret && it.is_object()).cloned();
        let value = match value {
            Some(_) if input == Input::Secret => String::new(),
            Some(value) if !value.is_null() => shown(value, &input),
            _ if input == Input::Switch => default.clone(),
            _ => String::new(),
        };
        let label = self.get("title").as_str().map_or_else(|| spoken(name), str::to_owned);
        let help = self.get("description").as_str().unwrap_or_default().replace('`', "");
        let advanced = self.get("x-advanced") == true;
        Field {
            name: name.to_owned(),
            label,
            help,
            input,
            required,
            value,
            default,
            kept,
            error: None,
            advanced,
        }
    }

    /// Whether it may be `null` instead.
    fn is_optional(&self) -> bool {
        let null = |it: &Value| it["type"] == "null";
        self.raw["anyOf"].as_array().is_some_and(|all| all.iter().any(null))
    }

    fn is(&self, kind: &str) -> bool {
        match &self.body["type"] {
            Value::String(it) => it == kind,
            Value::Array(all) => all.iter().any(|it| it == kind),
            _ => false,
        }
    }

    fn input(&self) -> Input {
        if self.get("writeOnly") == true || self.get("format") == "password" {
            return Input::Secret;
        }
        if let Some(choices) = self.choices() {
            return Input::Choice(choices);
        }
        if self.is("boolean") {
            return Input::Switch;
        }
        if self.is("integer") || self.is("number") {
            let bound = |key| shown(self.get(key), &Input::Text);
            return Input::Number {
                min: bound("minimum"),
                max: bound("maximum"),
                whole: self.is("integer"),
            };
        }
        if self.is("string") {
            let long = self.get("x-multiline") == true
                || ["headers", "body"]
                    .contains(&self.get("x-template").as_str().unwrap_or_default());
            return if long { Input::Long } else { Input::Text };
        }
        let strings =
            self.body["items"]["type"] == "string" || self.body["items"]["$ref"].is_string();
        if self.is("array") && strings { Input::Lines } else { Input::Json }
    }

    /// The values of an enumeration, written either way.
    fn choices(&self) -> Option<Vec<String>> {
        let texts = |all: &Vec<Value>| -> Vec<String> {
            all.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        if let Some(all) = self.body["enum"].as_array() {
            return Some(texts(all));
        }
        let constants: Option<Vec<String>> = self.body["oneOf"]
            .as_array()?
            .iter()
            .map(|it| it["const"].as_str().map(str::to_owned))
            .collect();
        constants.filter(|it| !it.is_empty())
    }
}

/// A stored value as it is typed in.
fn shown(value: &Value, input: &Input) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(all) if *input == Input::Lines => {
            all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
        }
        other => other.to_string(),
    }
}

/// `tls.server_name` as `TLS server name`.
fn spoken(name: &str) -> String {
    const SHORT: &[&str] = &["tls", "url", "ca", "id", "http", "ami", "did", "api"];
    let words = name.split(['.', '_']).enumerate().map(|(place, word)| {
        if SHORT.contains(&word) {
            return word.to_uppercase();
        }
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if place == 0 => first.to_uppercase().chain(letters).collect(),
            _ => word.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}
