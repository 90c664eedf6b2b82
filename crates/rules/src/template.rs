//! The texts that users write: `{{ }}` templates over an event, compiled once, rendered often.
//!
//! Strict: a name that does not exist is refused when the template is compiled, with the nearest
//! one that does. A value is escaped for the place where it stands ([`Place`]); the filter `json`
//! makes it a whole JSON value that is not escaped again. Steps and output are bounded, and there
//! is no I/O.
//!
//! Another place with an escaping of its own (XML, forms) is one more variant of [`Place`] and of
//! `place::Spot`; another token is one more line in `names`, and its value in `facts`.

mod check;
mod complain;
mod engine;
mod facts;
mod names;
mod place;
mod size;
#[cfg(test)]
mod tests;

use std::fmt;

use minijinja::{Environment, ErrorKind};

pub use engine::FILTERS;
pub use facts::Facts;
pub use names::token_names;
pub use place::Place;

/// The longest template, in bytes: far beyond any request by hand, short enough to check at once.
pub const SOURCE_BYTES_MAX: usize = 256 * 1024;
/// The most that a template may render to, in bytes. Endpoints commonly refuse a body of a few
/// megabytes.
pub const OUTPUT_BYTES_MAX: usize = 1024 * 1024;
/// Steps of the template engine for one rendering: some milliseconds. A body with a loop over a
/// hundred transfers takes about three thousand.
pub const STEPS_MAX: u64 = 100_000;

/// A template that passed all checks.
pub struct Template {
    /// The text itself if it has no tokens.
    constant: Option<Box<str>>,
    place: Place,
    environment: Environment<'static>,
}

/// A template that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct TemplateError {
    /// From 1; `None` if the template as a whole is meant.
    pub line: Option<u32>,
    /// From 1, in characters; `None` where only the line is known.
    pub column: Option<u32>,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, "line {line}, column {column}: ")?,
            (Some(line), None) => write!(f, "line {line}: ")?,
            (None, _) => {}
        }
        f.write_str(&self.message)
    }
}

impl TemplateError {
    fn whole(message: impl Into<String>) -> TemplateError {
        TemplateError { line: None, column: None, message: message.into() }
    }

    /// Says in plain words what the engine met.
    fn of(error: &minijinja::Error, source: &str) -> TemplateError {
        let detail = error.detail().unwrap_or_default();
        let message = match error.kind() {
            ErrorKind::UndefinedError => {
                let what = error.range().and_then(|range| source.get(range)).map(str::trim);
                match what {
                    Some(what) if !what.is_empty() => format!(
                        "`{what}` is not there for this event; give another value with the filter `default`, or ask `is defined` first"
                    ),
                    _ => "a value is not there for this event".to_owned(),
                }
            }
            ErrorKind::OutOfFuel => {
                format!("the template takes more than {STEPS_MAX} steps; is there a loop too many?")
            }
            kind if detail.is_empty() => kind.to_string(),
            _ => detail.to_owned(),
        };
        let line = error.line().and_then(|line| u32::try_from(line).ok());
        TemplateError { line, column: None, message }
    }
}

impl Template {
    /// Compiles a template that will stand in `place`.
    ///
    /// # Errors
    ///
    /// Names the first thing that is wrong, with line and column where they are known.
    pub fn compile(place: Place, source: &str) -> Result<Template, TemplateError> {
        if SOURCE_BYTES_MAX < source.len() {
            return Err(TemplateError::whole(format!(
                "the template has {} bytes; {SOURCE_BYTES_MAX} are allowed",
                source.len()
            )));
        }
        let has_tokens = check::check(source)?;
        let mut environment = engine::environment();
        if has_tokens {
            environment
                .add_template_owned(NAME, source.to_owned())
                .map_err(|error| TemplateError::of(&error, source))?;
        }
        let constant = (!has_tokens).then(|| engine::without_tokens(source));
        Ok(Template { constant, place, environment })
    }

    /// The text that it always renders to, if it has no tokens.
    #[must_use]
    pub fn constant(&self) -> Option<&str> {
        self.constant.as_deref()
    }

    /// Appends what `facts` make of it to `out`.
    ///
    /// # Errors
    ///
    /// When a value is not there, may not stand in its place, or a limit is passed. `out` then
    /// holds a part.
    pub fn render(&self, facts: &Facts, out: &mut Vec<u8>) -> Result<(), TemplateError> {
        if let Some(text) = &self.constant {
            out.extend_from_slice(text.as_bytes());
            return Ok(());
        }
        let template =
            self.environment.get_template(NAME).map_err(|error| TemplateError::of(&error, ""))?;
        let mut writer = place::Writer::new(self.place, out, OUTPUT_BYTES_MAX);
        let rendered = template.render_captured_to(facts.value(), &mut writer);
        if writer.is_full() {
            return Err(TemplateError::whole(format!(
                "the template renders to more than {OUTPUT_BYTES_MAX} bytes"
            )));
        }
        rendered.map(|_| ()).map_err(|error| TemplateError::of(&error, template.source()))
    }
}

impl fmt::Debug for Template {
    /// Without the text, which may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Each template has an environment of its own, in which it is alone.
const NAME: &str = "template";

/// Checks that a rendered body is JSON, without building it.
///
/// # Errors
///
/// Says where it stops to be JSON, with the text around that place.
pub fn check_json(body: &[u8]) -> Result<(), TemplateError> {
    let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(body) else { return Ok(()) };
    let line = u32::try_from(error.line()).ok();
    let column = u32::try_from(error.column()).ok();
    let whole = error.to_string();
    let reason = whole.split(" at line ").next().unwrap_or_default();
    let text = String::from_utf8_lossy(body);
    let rendered = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
    let near: String = rendered.chars().skip(error.column().saturating_sub(20)).take(30).collect();
    Err(TemplateError {
        line,
        column,
        message: format!("the rendered body is not JSON: {reason}, near `{near}`"),
    })
}
