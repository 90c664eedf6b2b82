//! `hookswitch replay`: recorded wire bytes through the very code that tracks live calls.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use serde_json::Value;

use super::{Failure, say};
use crate::settings::nearest;

/// Run recorded wire bytes through the code that tracks live calls.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The kind of phone system that was recorded, such as `asterisk`.
    #[arg(long)]
    kind: String,
    /// A declarative file (the form that `apply` reads) with the settings of the phone system.
    #[arg(long, value_name = "FILE", requires = "pbx")]
    config: Option<PathBuf>,
    /// The name of the entry in that file.
    #[arg(long, value_name = "NAME", requires = "config")]
    pbx: Option<String>,
    /// Recordings: `NAME.ami`, with `NAME.times.jsonl` and `NAME.sent.jsonl` beside it.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Prints one JSON Call per line, recording after recording, in order of their start.
pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let kind = pbx::find(&arguments.kind).ok_or_else(|| {
        let known: Vec<&str> = pbx::ALL.iter().map(|it| it.name).collect();
        Failure::Usage(format!(
            "`{}` is no kind of phone system; known are: {}",
            arguments.kind,
            known.join(", ")
        ))
    })?;
    let settings = match (&arguments.config, &arguments.pbx) {
        (Some(file), Some(name)) => settings_of(file, name, kind.name)?,
        _ => Value::Object(serde_json::Map::new()),
    };
    let mut stdout = std::io::stdout().lock();
    let name = arguments.pbx.as_deref().unwrap_or(kind.name);
    for file in &arguments.files {
        play(kind, name, &settings, file, &mut stdout)?;
    }
    Ok(())
}

fn play(
    kind: &pbx::Kind,
    name: &str,
    settings: &Value,
    file: &Path,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let times = beside(file, "times.jsonl")?;
    let sent = beside(file, "sent.jsonl")?;
    let recording = pbx::replay::Recording {
        pbx: name,
        bytes: &bytes,
        times: times.as_deref(),
        sent: sent.as_deref(),
    };
    let replayed = (kind.replay)(&recording, settings)
        .with_context(|| format!("cannot replay {}", file.display()))?;
    for call in &replayed.calls {
        serde_json::to_writer(&mut *out, call).context("cannot write to stdout")?;
        out.write_all(b"\n")?;
    }
    for notice in &replayed.notices {
        say(&format!("{}: {notice}", file.display()));
    }
    Ok(())
}

/// The text of the file that belongs to a recording, if there is one.
fn beside(file: &Path, extension: &str) -> Result<Option<String>, Failure> {
    let path = file.with_extension(extension);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(anyhow::Error::new(error).context(format!("cannot read {}", path.display())).into())
        }
    }
}

/// The settings of one `[[pbx]]` entry, without what belongs to the entry and not to its kind.
fn settings_of(file: &Path, name: &str, kind: &str) -> Result<Value, Failure> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let wrong = |reason: String| Failure::Usage(format!("{}: {reason}", file.display()));
    let document: toml::Table =
        text.parse().map_err(|it: toml::de::Error| wrong(it.to_string()))?;
    let entries = document.get("pbx").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let named = |it: &toml::Value| it.get("name").and_then(toml::Value::as_str).map(str::to_owned);
    let Some(entry) = entries.iter().find(|it| named(it).as_deref() == Some(name)) else {
        let near = nearest(name, entries.iter().filter_map(named));
        let hint = near.map_or_else(String::new, |it| format!("; did you mean `{it}`?"));
        return Err(wrong(format!("there is no [[pbx]] named `{name}`{hint}")));
    };
    let said = entry.get("kind").and_then(toml::Value::as_str);
    if let Some(said) = said.filter(|it| *it != kind) {
        return Err(wrong(format!("the [[pbx]] `{name}` is of kind `{said}`, not `{kind}`")));
    }
    let mut settings = serde_json::to_value(entry).context("TOML fits JSON")?;
    if let Value::Object(fields) = &mut settings {
        // A recording needs no secret, and a reference to one is no text.
        for key in ["name", "kind", "enabled", "secret"] {
            fields.remove(key);
        }
    }
    Ok(settings)
}
