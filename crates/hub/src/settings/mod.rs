//! The few things that the process must know before it has a database: `hookswitch.toml`, and
//! over it the environment (`HOOKSWITCH_<SECTION>_<KEY>`), and over both the command line.
//!
//! The only place that reads the environment.

mod unknown;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::Deserialize;

pub use unknown::nearest;

/// What `hookswitch.toml` may say. Keys are those of the public contract.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where the hub listens, and what it is called from outside.
    pub server: Server,
    /// Where data is kept.
    pub storage: Storage,
    /// Keys that protect the data.
    pub security: Security,
    /// Where deliveries may go.
    pub delivery: Delivery,
    /// What is written to stderr.
    pub log: Log,
    /// The mail server.
    pub mail: Mail,
    /// Traces for others.
    pub telemetry: Telemetry,
}

/// `[server]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address and port.
    pub listen: SocketAddr,
    /// The address that people and programs use, such as `https://calls.example.com`.
    pub public_url: Option<String>,
    /// Certificate chain in PEM, to serve HTTPS without a proxy.
    pub tls_cert: Option<PathBuf>,
    /// Its private key in PEM.
    pub tls_key: Option<PathBuf>,
    /// Networks (CIDR) of reverse proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<String>,
}

impl Default for Server {
    fn default() -> Self {
        Server {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            tls_cert: None,
            tls_key: None,
            trusted_proxies: Vec::new(),
        }
    }
}

/// `[storage]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Storage {
    /// `sqlite:PATH` or `postgres://…`; a file in the data directory when absent.
    pub url: Option<String>,
    /// A directory, or the address of an object store, for recordings.
    pub recordings: Option<String>,
}

/// `[security]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Security {
    /// The file with the key that seals secrets; made in the data directory when absent.
    pub master_key_file: Option<PathBuf>,
}

/// `[delivery]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Delivery {
    /// Private, loopback or link-local networks (CIDR) that deliveries may reach.
    pub allow_networks: Vec<String>,
}

/// `[log]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// For people or for machines.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,hub::link=debug`.
    pub level: Option<String>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line of text each.
    #[default]
    Text,
    /// One JSON object each.
    Json,
}

/// `[mail]`. Read and checked; nothing in this version sends mail yet, which the start says.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// Host name of the SMTP server.
    pub host: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// Account there.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<String>,
    /// The sender's address.
    pub from: Option<String>,
}

/// `[telemetry]`. Read and checked; nothing in this version sends traces yet, which the start says.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// Where traces go, by OTLP.
    pub otlp_endpoint: Option<String>,
}

/// What is wrong with the settings, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read {path}: {reason}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        reason: std::io::Error,
    },
    /// The text is no TOML, or a key is unknown or has a wrong value.
    #[error("{place}: {reason}")]
    Invalid {
        /// File and line, or the name of the environment variable.
        place: String,
        /// What is wrong, with the nearest known key where one is unknown.
        reason: String,
    },
}

/// Prefix of the environment variables that stand for keys.
const PREFIX: &str = "HOOKSWITCH_";
/// Variables with that prefix that are no keys: the key of the API client on the command line.
const NOT_KEYS: &[&str] = &["HOOKSWITCH_KEY"];

impl Settings {
    /// Reads the file (if one is named) and the environment of this process over it.
    ///
    /// # Errors
    ///
    /// [`SettingsError`], which names the file and line or the variable.
    #[expect(clippy::disallowed_methods, reason = "this is the place that reads the environment")]
    pub fn load(file: Option<&Path>) -> Result<Settings, SettingsError> {
        let text = match file {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|reason| SettingsError::Unreadable { path: path.to_owned(), reason })?,
            None => String::new(),
        };
        let name = file.map_or_else(|| "hookswitch.toml".into(), |it| it.display().to_string());
        Settings::read(&name, &text, std::env::vars())
    }

    /// [`Settings::load`] of texts: the file's name and content, and pairs of variables.
    ///
    /// # Errors
    ///
    /// As [`Settings::load`].
    pub fn read(
        name: &str,
        text: &str,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Settings, SettingsError> {
        // Read once for its errors, which know the line; then again with the environment over it.
        toml::from_str::<Settings>(text).map_err(|error| unknown::explain(name, text, &error))?;
        let mut table: toml::Table =
            toml::from_str(text).map_err(|error| unknown::explain(name, text, &error))?;
        for (variable, value) in environment {
            let Some(key) = variable.strip_prefix(PREFIX) else { continue };
            if !NOT_KEYS.contains(&variable.as_str()) {
                overlay(&mut table, &variable, key, &value)?;
            }
        }
        Settings::deserialize(table).map_err(|error| SettingsError::Invalid {
            place: name.to_owned(),
            reason: error.to_string().trim().to_owned(),
        })
    }

    /// Keys that are set but that nothing in this version acts on.
    #[must_use]
    pub fn without_effect(&self) -> Vec<&'static str> {
        let set = [
            ("mail.*", self.mail != Mail::default()),
            ("telemetry.otlp_endpoint", self.telemetry.otlp_endpoint.is_some()),
            ("storage.recordings", self.storage.recordings.is_some()),
        ];
        set.into_iter().filter_map(|(key, is_set)| is_set.then_some(key)).collect()
    }
}

/// The API key with which commands speak to a running hub.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the place that reads the environment")]
pub fn api_key() -> Option<String> {
    std::env::var("HOOKSWITCH_KEY").ok()
}

/// One variable, for a secret that a declarative file refers to with `{ env = "NAME" }`.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the place that reads the environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Puts the value of `HOOKSWITCH_<SECTION>_<KEY>` over what the file says.
fn overlay(
    table: &mut toml::Table,
    variable: &str,
    key: &str,
    value: &str,
) -> Result<(), SettingsError> {
    let invalid = |reason: String| SettingsError::Invalid { place: variable.to_owned(), reason };
    let lower = key.to_lowercase();
    let dotted = lower.replacen('_', ".", 1);
    let Some(&(section, field, shape)) =
        unknown::KEYS.iter().find(|(section, field, _)| format!("{section}.{field}") == dotted)
    else {
        let known = unknown::KEYS.iter().map(|(section, field, _)| {
            format!("{PREFIX}{}_{}", section.to_uppercase(), field.to_uppercase())
        });
        return Err(invalid(unknown::unknown_key(variable, known)));
    };
    let value = match shape {
        unknown::Shape::Text => toml::Value::String(value.to_owned()),
        unknown::Shape::List => toml::Value::Array(
            value
                .split(',')
                .map(str::trim)
                .filter(|it| !it.is_empty())
                .map(|it| toml::Value::String(it.to_owned()))
                .collect(),
        ),
        unknown::Shape::Number => toml::Value::Integer(
            value.trim().parse().map_err(|_| invalid("a whole number is expected".to_owned()))?,
        ),
    };
    let entry = table.entry(section).or_insert_with(|| toml::Value::Table(toml::Table::new()));
    if let toml::Value::Table(fields) = entry {
        // A single variable is checked at once, so that the message can name it.
        let mut alone = toml::Table::new();
        alone.insert(field.to_owned(), value.clone());
        let mut document = toml::Table::new();
        document.insert(section.to_owned(), toml::Value::Table(alone));
        Settings::deserialize(document).map_err(|it| invalid(it.to_string().trim().to_owned()))?;
        fields.insert(field.to_owned(), value);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
