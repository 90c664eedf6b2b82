//! From the text of a declarative file to its entries, each value with its line.

use std::{collections::HashMap, ops::Range};

use api::FieldProblem;
use serde_json::{Map, Value};
use toml::{Spanned, de::DeTable, de::DeValue};

use crate::{
    error::{AppError, Result, problem},
    names, near,
};

/// The longest file that is read: some thousand entries.
const FILE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The tables that this version knows.
pub(super) const TABLES: &[&str] = &["pbx", "group", "integration", "user", "api_key"];
/// Those of the format that this version does not carry out yet.
const LATER: &[&str] = &["role", "address_book", "directory_sync", "presence_sync", "alert"];

/// A file that was read.
pub(super) struct File {
    /// In the order of the file.
    pub(super) entries: Vec<Entry>,
    /// Which tables it has, empty ones included.
    pub(super) tables: Vec<&'static str>,
}

/// One entry of a table.
pub(super) struct Entry {
    pub(super) table: &'static str,
    pub(super) name: String,
    /// Everything but the name.
    pub(super) map: Map<String, Value>,
    line: usize,
    /// The line of each field, by its path.
    lines: HashMap<String, usize>,
}

impl Entry {
    /// Says where in the file a problem is.
    pub(super) fn located(&self, problem: FieldProblem) -> FieldProblem {
        let mut path = problem.field.as_str();
        let line = loop {
            if let Some(line) = self.lines.get(path) {
                break *line;
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => break self.line,
            }
        };
        let dot = if problem.field.is_empty() { "" } else { "." };
        FieldProblem {
            field: format!("{}.{}{dot}{}", self.table, self.name, problem.field),
            message: format!("line {line}: {}", problem.message),
        }
    }

    /// The same for several.
    pub(super) fn located_all(&self, problems: Vec<FieldProblem>) -> Vec<FieldProblem> {
        problems.into_iter().map(|it| self.located(it)).collect()
    }
}

impl File {
    /// The entries of one table.
    pub(super) fn of(&self, table: &str) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |it| it.table == table)
    }
}

/// Reads a file; tells everything that is wrong with its form at once.
pub(super) fn read(text: &str) -> Result<File> {
    if text.len() > FILE_BYTES_MAX {
        return Err(AppError::field("toml", "the file has more than 4 MiB"));
    }
    let table = DeTable::parse(text).map_err(|it| AppError::field("", it.to_string()))?;
    let mut reader = Reader { text, problems: Vec::new() };
    let mut file = File { entries: Vec::new(), tables: Vec::new() };
    for (key, value) in table.into_inner() {
        reader.table(&key, value, &mut file);
    }
    // The tables come sorted by name; entries are told and carried out as the file has them.
    file.entries.sort_by_key(|it| it.line);
    reader.check_names(&file);
    if reader.problems.is_empty() { Ok(file) } else { Err(AppError::Invalid(reader.problems)) }
}

struct Reader<'a> {
    text: &'a str,
    problems: Vec<FieldProblem>,
}

impl Reader<'_> {
    fn table(
        &mut self,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: Spanned<DeValue<'_>>,
        file: &mut File,
    ) {
        let line = self.line(key.span());
        let name = key.get_ref().as_ref();
        let Some(table) = TABLES.iter().find(|it| **it == name).copied() else {
            let message = if LATER.contains(&name) {
                "this table is not supported yet by this version of Hookswitch".to_owned()
            } else {
                near::unknown("table", name, TABLES.iter().copied())
            };
            return self.tell(name, line, &message);
        };
        let DeValue::Array(items) = value.into_inner() else {
            let message = format!("write [[{name}]], once for each entry");
            return self.tell(name, line, &message);
        };
        file.tables.push(table);
        for item in items {
            let line = self.line(item.span());
            let DeValue::Table(fields) = item.into_inner() else {
                let message = format!("write [[{name}]], once for each entry");
                self.tell(name, line, &message);
                continue;
            };
            if let Some(entry) = self.entry(table, line, fields) {
                file.entries.push(entry);
            }
        }
    }

    fn entry(&mut self, table: &'static str, line: usize, fields: DeTable<'_>) -> Option<Entry> {
        let mut lines = HashMap::new();
        let mut map = Map::new();
        for (key, value) in fields {
            let path = key.get_ref().to_string();
            lines.insert(path.clone(), self.line(key.span()));
            if let Some(value) = self.value(value, &path, &mut lines) {
                map.insert(path, value);
            }
        }
        match map.remove("name") {
            Some(Value::String(name)) => Some(Entry { table, name, map, line, lines }),
            Some(_) => {
                self.tell(&format!("{table}.name"), line, "must be a text");
                None
            }
            None => {
                let near = near::nearest("name", map.keys().map(String::as_str));
                let message = match near {
                    Some(near) => format!("has no `name`, which identifies it; is `{near}` it?"),
                    None => "has no `name`, which identifies it".to_owned(),
                };
                self.tell(table, line, &message);
                None
            }
        }
    }

    fn value(
        &mut self,
        value: Spanned<DeValue<'_>>,
        path: &str,
        lines: &mut HashMap<String, usize>,
    ) -> Option<Value> {
        let line = self.line(value.span());
        let number = |text: Option<serde_json::Number>| text.map(Value::Number);
        let read = match value.into_inner() {
            DeValue::String(text) => Some(Value::String(text.into_owned())),
            DeValue::Boolean(flag) => Some(Value::Bool(flag)),
            DeValue::Integer(it) => {
                let digits = it.as_str().replace('_', "");
                number(i64::from_str_radix(&digits, it.radix()).ok().map(Into::into))
            }
            DeValue::Float(it) => {
                let float = it.as_str().replace('_', "").parse::<f64>().ok();
                number(float.and_then(serde_json::Number::from_f64))
            }
            DeValue::Datetime(it) => Some(Value::String(it.to_string())),
            DeValue::Array(items) => {
                let mut out = Vec::new();
                for (index, item) in items.into_iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    lines.insert(path.clone(), self.line(item.span()));
                    out.push(self.value(item, &path, lines)?);
                }
                Some(Value::Array(out))
            }
            DeValue::Table(fields) => {
                let mut out = Map::new();
                for (key, value) in fields {
                    let path = format!("{path}.{}", key.get_ref());
                    lines.insert(path.clone(), self.line(key.span()));
                    let value = self.value(value, &path, lines)?;
                    out.insert(key.get_ref().to_string(), value);
                }
                Some(Value::Object(out))
            }
        };
        if read.is_none() {
            self.tell(path, line, "is no number that fits");
        }
        read
    }

    /// A name identifies an entry of its table.
    fn check_names(&mut self, file: &File) {
        let mut seen: HashMap<(&str, String), usize> = HashMap::new();
        for entry in &file.entries {
            if let Err(AppError::Invalid(problems)) = names::check(&entry.name) {
                self.problems.extend(entry.located_all(problems));
            }
            let key = (entry.table, entry.name.to_lowercase());
            if let Some(line) = seen.insert(key, entry.line) {
                let message = format!("is the name of the entry in line {line} too");
                self.problems.push(entry.located(problem("name", message)));
            }
        }
    }

    fn tell(&mut self, field: &str, line: usize, message: &str) {
        self.problems.push(problem(field, format!("line {line}: {message}")));
    }

    fn line(&self, span: Range<usize>) -> usize {
        let before = &self.text.as_bytes()[..span.start.min(self.text.len())];
        before.iter().filter(|it| **it == b'\n').count() + 1
    }
}
