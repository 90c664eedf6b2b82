//! What is written to stderr, and how.

use tracing_subscriber::EnvFilter;

use crate::settings::{Log, LogFormat, SettingsError};

/// What is written when nothing else is asked for: what a user would notice.
const DEFAULT: &str = "info";

/// Starts writing. Call it once.
///
/// # Errors
///
/// When `log.level` cannot be read.
pub fn start(log: &Log) -> Result<(), SettingsError> {
    let level = log.level.as_deref().unwrap_or(DEFAULT);
    let filter = EnvFilter::try_new(level).map_err(|error| SettingsError::Invalid {
        place: "log.level".to_owned(),
        reason: format!("`{level}` is no level and no filter: {error}"),
    })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // An earlier start in this process (a test) stays in force.
    let _ = match log.format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    Ok(())
}
