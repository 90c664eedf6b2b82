//! Asterisk 1.4 to 22 and the distributions built on it, over the manager interface (AMI).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    Kind, Link, Opening, SettingsError,
    replay::{Recording, ReplayError, Replayed},
};

/// Asterisk, FreePBX, Issabel, VitalPBX and the like.
pub const ASTERISK: Kind = Kind {
    name: "asterisk",
    title: "Asterisk",
    schema: || schemars::schema_for!(Settings),
    open,
    setup_lines: |settings| read(settings).map(|it| setup_lines(&it)),
    replay,
};

/// Elastix: Asterisk 1.4 or 1.6 below, its own layout of recordings above.
pub const ELASTIX: Kind = Kind { name: "elastix", title: "Elastix", ..ASTERISK };

/// How to reach one Asterisk, and how to read what it says.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Name or address of the PBX.
    pub host: String,
}

/// The lines of `manager.conf` to paste, for these settings.
#[must_use]
pub fn setup_lines(settings: &Settings) -> String {
    settings.host.clone()
}

fn read(settings: &Value) -> Result<Settings, SettingsError> {
    Settings::deserialize(settings).map_err(|it| SettingsError(it.to_string()))
}

fn open(settings: &Value, opening: Opening) -> Result<Link, SettingsError> {
    let settings = read(settings)?;
    Err(SettingsError(format!("{} {}", settings.host, opening.name)))
}

fn replay(recording: &Recording<'_>, settings: &Value) -> Result<Replayed, ReplayError> {
    let _ = (recording, read(settings)?);
    Ok(Replayed::default())
}
