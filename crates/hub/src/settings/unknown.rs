//! Misspelt keys: which one was meant.

use super::SettingsError;

/// How the value of a key is written in an environment variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// As it is.
    Text,
    /// Items with commas between them.
    List,
    /// A whole number.
    Number,
}

/// Every key: section, name, shape. A test compares it with [`super::Settings`].
pub(super) const KEYS: &[(&str, &str, Shape)] = &[
    ("server", "listen", Shape::Text),
    ("server", "public_url", Shape::Text),
    ("server", "tls_cert", Shape::Text),
    ("server", "tls_key", Shape::Text),
    ("server", "trusted_proxies", Shape::List),
    ("storage", "url", Shape::Text),
    ("storage", "recordings", Shape::Text),
    ("security", "master_key_file", Shape::Text),
    ("delivery", "allow_networks", Shape::List),
    ("log", "format", Shape::Text),
    ("log", "level", Shape::Text),
    ("mail", "host", Shape::Text),
    ("mail", "port", Shape::Number),
    ("mail", "username", Shape::Text),
    ("mail", "password", Shape::Text),
    ("mail", "from", Shape::Text),
    ("telemetry", "otlp_endpoint", Shape::Text),
];

/// The known name that is nearest to what somebody wrote, if one is near enough to be meant.
pub fn nearest<S: AsRef<str>>(written: &str, known: impl IntoIterator<Item = S>) -> Option<String> {
    /// Below this likeness (0 to 1) a suggestion would be a riddle.
    const ALIKE: f64 = 0.6;
    known
        .into_iter()
        .map(|it| (strsim::jaro_winkler(written, it.as_ref()), it))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, it)| it.as_ref().to_owned())
}

/// The sentence about a key that does not exist.
pub(super) fn unknown_key<S: AsRef<str>>(
    written: &str,
    known: impl IntoIterator<Item = S>,
) -> String {
    match nearest(written, known) {
        Some(near) => format!("unknown key `{written}`; did you mean `{near}`?"),
        None => format!("unknown key `{written}`; docs/configuration.md lists the keys"),
    }
}

/// Turns what the TOML reader says into place and reason, with the nearest key.
pub(super) fn explain(name: &str, text: &str, error: &toml::de::Error) -> SettingsError {
    let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
    let place = format!("{name}, line {line}");
    let message = error.message().to_owned();
    let reason = match unknown_field(&message) {
        Some(field) => match section_of(text, error.span().map_or(0, |it| it.start)) {
            Some(section) => unknown_key(
                &format!("{section}.{field}"),
                KEYS.iter().map(|(section, field, _)| format!("{section}.{field}")),
            ),
            None => unknown_key(field, KEYS.iter().map(|(section, ..)| *section)),
        },
        None => message,
    };
    SettingsError::Invalid { place, reason }
}

/// The field that serde calls unknown, out of its message.
fn unknown_field(message: &str) -> Option<&str> {
    message.strip_prefix("unknown field `")?.split('`').next()
}

/// The `[section]` that the byte at `at` stands in.
fn section_of(text: &str, at: usize) -> Option<&str> {
    let line_start = text[..at].rfind('\n')?;
    if text[line_start + 1..].starts_with('[') {
        return None; // It is the section itself that is unknown.
    }
    let header = text[..line_start].lines().rev().find(|it| it.trim_start().starts_with('['))?;
    header.trim().trim_start_matches('[').split(']').next()
}
