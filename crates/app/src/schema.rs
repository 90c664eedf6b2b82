//! Checks JSON against the JSON Schemas that our own structs derive, and says what is wrong in
//! plain words, field by field, with the nearest name for one that is not known.
//!
//! It knows the part of JSON Schema 2020-12 that `schemars` makes; anything else is let pass and
//! is checked when the value is read into its struct.

use std::{
    any::TypeId,
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use api::FieldProblem;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    error::{AppError, Result, problem},
    near,
};

/// How deep values may be nested; nothing of ours comes near.
const DEPTH_MAX: usize = 32;

/// Reads a value into a shape.
///
/// # Errors
///
/// [`AppError::Invalid`] with every field that is wrong.
pub fn read<T: JsonSchema + DeserializeOwned + 'static>(value: Value) -> Result<T> {
    let schema = of::<T>();
    let problems = check(&schema, &value);
    if !problems.is_empty() {
        return Err(AppError::Invalid(problems));
    }
    serde_json::from_value(value).map_err(|it| AppError::field("", it.to_string()))
}

/// The schema of a shape: made once, since making one costs more than a small request.
pub fn of<T: JsonSchema + 'static>() -> Arc<Value> {
    static MADE: RwLock<Option<HashMap<TypeId, Arc<Value>>>> = RwLock::new(None);
    let known = MADE.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(schema) = known.as_ref().and_then(|it| it.get(&TypeId::of::<T>())) {
        return Arc::clone(schema);
    }
    drop(known);
    let schema = Arc::new(schemars::schema_for!(T).to_value());
    let mut made = MADE.write().unwrap_or_else(PoisonError::into_inner);
    made.get_or_insert_default().insert(TypeId::of::<T>(), Arc::clone(&schema));
    schema
}

/// Checks a value; empty when nothing is wrong.
#[must_use]
pub fn check(schema: &Value, value: &Value) -> Vec<FieldProblem> {
    let mut checker = Checker { root: schema, problems: Vec::new() };
    checker.check(schema, value, &mut String::new(), 0);
    checker.problems
}

struct Checker<'a> {
    root: &'a Value,
    problems: Vec<FieldProblem>,
}

impl<'a> Checker<'a> {
    fn check(&mut self, schema: &'a Value, value: &Value, path: &mut String, depth: usize) {
        if depth > DEPTH_MAX {
            return self.tell(path, "is nested too deeply");
        }
        let schema = resolve(self.root, schema);
        let branches = schema.get("anyOf").or_else(|| schema.get("oneOf"));
        if let Some(branches) = branches.and_then(Value::as_array) {
            self.check_branches(branches, value, path, depth);
        }
        if let Some(known) = schema.get("enum").and_then(Value::as_array)
            && !known.contains(value)
        {
            return self.tell(path, &not_one_of(known, value));
        }
        if let Some(only) = schema.get("const")
            && only != value
        {
            return self.tell(path, &format!("must be {only}"));
        }
        if let Some(wanted) = schema.get("type")
            && !is_of_type(wanted, value)
        {
            return self
                .tell(path, &format!("must be {}, not {}", type_words(wanted), words(value)));
        }
        match value {
            Value::Object(map) => self.check_object(schema, map, path, depth),
            Value::Array(items) => self.check_array(schema, items, path, depth),
            Value::String(text) => self.check_text(schema, text, path),
            Value::Number(number) => self.check_number(schema, number, path),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// One branch must fit; when none does, the problems of the likeliest one are told.
    fn check_branches(
        &mut self,
        branches: &'a [Value],
        value: &Value,
        path: &mut String,
        depth: usize,
    ) {
        let mut likeliest: Option<Vec<FieldProblem>> = None;
        let constants: Vec<Value> =
            branches.iter().filter_map(|it| resolve(self.root, it).get("const").cloned()).collect();
        if constants.len() == branches.len() && !constants.contains(value) {
            return self.tell(path, &not_one_of(&constants, value));
        }
        for branch in branches {
            let resolved = resolve(self.root, branch);
            let mut inner = Checker { root: self.root, problems: Vec::new() };
            inner.check(resolved, value, path, depth + 1);
            if inner.problems.is_empty() {
                return;
            }
            let is_null = resolved.get("type").and_then(Value::as_str) == Some("null");
            let deeper = |it: &Vec<FieldProblem>| it.first().map_or(0, |it| it.field.len());
            let better = likeliest.as_ref().is_none_or(|it| deeper(it) < deeper(&inner.problems));
            if !is_null && better {
                likeliest = Some(inner.problems);
            }
        }
        self.problems.extend(likeliest.unwrap_or_default());
    }

    fn check_object(
        &mut self,
        schema: &'a Value,
        map: &Map<String, Value>,
        path: &mut String,
        depth: usize,
    ) {
        let properties = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties");
        for (name, value) in map {
            let length = path.len();
            push_name(path, name);
            if let Some(inner) = properties.and_then(|it| it.get(name)) {
                self.check(inner, value, path, depth + 1);
            } else if others == Some(&Value::Bool(false)) {
                let known = properties.into_iter().flat_map(|it| it.keys()).map(String::as_str);
                let known: Vec<&str> = known.collect();
                self.tell(path, &near::unknown("field", name, known.iter().copied()));
            } else if let Some(inner @ Value::Object(_)) = others {
                self.check(inner, value, path, depth + 1);
            }
            path.truncate(length);
        }
        let required = schema.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            if !map.contains_key(name) {
                let length = path.len();
                push_name(path, name);
                self.tell(path, "is missing");
                path.truncate(length);
            }
        }
    }

    fn check_array(&mut self, schema: &'a Value, items: &[Value], path: &mut String, depth: usize) {
        if let Some(least) = bound(schema, "minItems").filter(|&it| (items.len() as f64) < it) {
            self.tell(path, &format!("must have at least {least} items"));
        }
        if let Some(most) = bound(schema, "maxItems").filter(|&it| items.len() as f64 > it) {
            self.tell(path, &format!("must have at most {most} items"));
        }
        let Some(inner) = schema.get("items").filter(|it| it.is_object()) else { return };
        for (index, item) in items.iter().enumerate() {
            let length = path.len();
            path.push_str(&format!("[{index}]"));
            self.check(inner, item, path, depth + 1);
            path.truncate(length);
        }
    }

    fn check_text(&mut self, schema: &Value, text: &str, path: &str) {
        let length = text.chars().count() as f64;
        if bound(schema, "minLength").is_some_and(|it| length < it) {
            let message = if text.is_empty() { "must not be empty" } else { "is too short" };
            self.tell(path, message);
        }
        if let Some(most) = bound(schema, "maxLength").filter(|&it| length > it) {
            self.tell(path, &format!("must have at most {most} characters"));
        }
    }

    fn check_number(&mut self, schema: &Value, number: &serde_json::Number, path: &str) {
        let Some(number) = number.as_f64() else { return };
        let (least, most) = (bound(schema, "minimum"), bound(schema, "maximum"));
        if least.is_some_and(|it| number < it) || most.is_some_and(|it| number > it) {
            let message = match (least, most) {
                (Some(least), Some(most)) => format!("must be from {least} to {most}"),
                (Some(least), None) => format!("must be at least {least}"),
                (None, most) => format!("must be at most {}", most.unwrap_or_default()),
            };
            self.tell(path, &message);
        }
    }

    fn tell(&mut self, path: &str, message: &str) {
        self.problems.push(problem(path, message));
    }
}

/// Follows a reference into the definitions of the schema, one level.
pub(crate) fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|it| it.strip_prefix('#'));
    target.and_then(|it| root.pointer(it)).unwrap_or(schema)
}

fn push_name(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

fn bound(schema: &Value, name: &str) -> Option<f64> {
    schema.get(name).and_then(Value::as_f64)
}

fn not_one_of(known: &[Value], given: &Value) -> String {
    let names: Vec<&str> = known.iter().filter_map(Value::as_str).collect();
    match given.as_str() {
        Some(text) => near::unknown("value", text, names.iter().copied()),
        None => format!("must be one of {}", names.join(", ")),
    }
}

fn is_of_type(wanted: &Value, value: &Value) -> bool {
    match wanted {
        Value::Array(any) => any.iter().any(|it| is_of_type(it, value)),
        Value::String(name) => match name.as_str() {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "object" => value.is_object(),
            "array" => value.is_array(),
            "number" => value.is_number(),
            "integer" => value.is_i64() || value.is_u64(),
            "string" => value.is_string(),
            _ => true,
        },
        _ => true,
    }
}

fn type_words(wanted: &Value) -> String {
    let one = |it: &Value| match it.as_str().unwrap_or_default() {
        "boolean" => "true or false",
        "object" => "an object",
        "array" => "a list",
        "number" => "a number",
        "integer" => "a whole number",
        "string" => "a text",
        _ => "null",
    };
    match wanted {
        Value::Array(any) => {
            let any: Vec<&str> = any.iter().filter(|it| *it != "null").map(one).collect();
            any.join(" or ")
        }
        only => one(only).to_owned(),
    }
}

fn words(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests;
