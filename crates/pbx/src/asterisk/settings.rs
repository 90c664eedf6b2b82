//! What an administrator sets.

use std::fmt;

use call::number::Extensions;
use pbx_proto::ami::Charset;
use schemars::JsonSchema;
use serde::Deserialize;

use super::channel::Places;
use crate::{Endpoint, SettingsError, Tls};

/// How to reach one Asterisk, and how to read what it says.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Name or address of the PBX.
    pub host: String,
    /// Port of the manager interface: 5038, with TLS usually 5039.
    #[serde(default = "port")]
    pub port: u16,
    /// Encrypt the connection. Absent: plain TCP, which is right within one machine or a tunnel.
    #[serde(default)]
    pub tls: Option<TlsSettings>,
    /// Name of the manager user, the section in `manager.conf`.
    pub username: String,
    /// Its secret.
    #[serde(default)]
    pub secret: Secret,
    /// Send only a hash of the secret when logging in (`md5`), or the secret itself (`plain`).
    #[serde(default)]
    #[schemars(extend("x-advanced" = true))]
    pub login: Login,
    /// Country of the PBX, two letters (`IT`): how national numbers are read and made E.164.
    #[serde(default)]
    pub country: Option<String>,
    /// Which numbers are extensions, as patterns of the dial plan such as `_2XX`. Empty: a number of
    /// two to six digits.
    #[serde(default)]
    pub extensions: Vec<String>,
    /// Peers that lead outside although their names look like extensions, as names or patterns.
    #[serde(default)]
    #[schemars(extend("x-advanced" = true))]
    pub trunks: Vec<String>,
    /// Contexts in which calls from outside enter the dial plan.
    #[serde(default = "outside_contexts")]
    #[schemars(extend("x-advanced" = true))]
    pub outside_contexts: Vec<String>,
    /// How names and numbers that are not UTF-8 are read.
    #[serde(default)]
    #[schemars(extend("x-advanced" = true))]
    pub charset: CharsetName,
    /// What click-to-dial rings first. `{extension}` and `{context}` are filled in.
    #[serde(default = "dial_channel")]
    #[schemars(extend("x-advanced" = true))]
    pub dial_channel: String,
    /// The context in which the phones of users dial.
    #[serde(default = "dial_context")]
    #[schemars(extend("x-advanced" = true))]
    pub dial_context: String,
    /// The number that click-to-dial shows and sends. `{extension}` and `{number}` are filled in. With
    /// `{number}` the phone shows whom it is about to call, but many providers refuse such calls.
    #[serde(default = "dial_caller_id")]
    #[schemars(extend("x-advanced" = true))]
    pub dial_caller_id: String,
    /// How long the phone of the user rings before click-to-dial gives up, in seconds.
    #[serde(default = "dial_timeout_s")]
    #[schemars(range(min = 5, max = 120))]
    #[schemars(extend("x-advanced" = true))]
    pub dial_timeout_s: u32,
    /// How long the line may be silent before it is tested, in seconds.
    #[serde(default = "ping_s")]
    #[schemars(range(min = 5, max = 300))]
    #[schemars(extend("x-advanced" = true))]
    pub ping_s: u32,
    /// How often the calls are compared with the list of channels, in seconds.
    #[serde(default = "sweep_s")]
    #[schemars(range(min = 10, max = 3600))]
    #[schemars(extend("x-advanced" = true))]
    pub sweep_s: u32,
}

/// How the connection is encrypted and the PBX recognised.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsSettings {
    /// Certificate of your own authority, as PEM. Absent: the public authorities.
    #[serde(default)]
    #[schemars(extend("x-multiline" = true))]
    pub ca: Option<String>,
    /// SHA-256 fingerprint of the certificate, hexadecimal, colons allowed. With it, self-signed
    /// certificates work, and no other is accepted.
    #[serde(default)]
    pub pin: Option<String>,
    /// The name in the certificate, if it is not the host.
    #[serde(default)]
    pub server_name: Option<String>,
}

/// How the secret is proved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Login {
    /// A hash of it with a challenge; all versions have it.
    #[default]
    Md5,
    /// As it is.
    Plain,
}

/// Code pages of old installations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CharsetName {
    /// Cyrillic as Windows writes it.
    #[default]
    #[serde(rename = "windows-1251")]
    Windows1251,
    /// Western European.
    #[serde(rename = "latin1")]
    Latin1,
    /// Cyrillic as Unix wrote it.
    #[serde(rename = "koi8-r")]
    Koi8R,
    /// Nothing but UTF-8.
    #[serde(rename = "utf-8")]
    Utf8,
}

impl From<CharsetName> for Charset {
    fn from(name: CharsetName) -> Charset {
        match name {
            CharsetName::Windows1251 => Charset::Windows1251,
            CharsetName::Latin1 => Charset::Latin1,
            CharsetName::Koi8R => Charset::Koi8R,
            CharsetName::Utf8 => Charset::Utf8,
        }
    }
}

/// A text that never appears in logs.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("format" = "password", "writeOnly" = true))]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Settings {
    /// Reads settings, with a message that says which one is wrong.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] for unknown or missing settings and for values that cannot be.
    pub fn read(value: &serde_json::Value) -> Result<Settings, SettingsError> {
        let settings = Settings::deserialize(value).map_err(|it| SettingsError(it.to_string()))?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), SettingsError> {
        let wrong = |text: &str| Err(SettingsError(text.to_owned()));
        let line = |text: &str| !text.chars().any(char::is_control);
        if self.host.trim().is_empty() || !line(&self.host) {
            return wrong("host: give the name or address of the PBX");
        }
        if self.username.is_empty() || !line(&self.username) {
            return wrong(
                "username: give the name of the manager user, its section in manager.conf",
            );
        }
        if !line(&self.secret.0) {
            return wrong("secret: it holds a line end or another control character");
        }
        if let Some(country) = &self.country
            && !(country.len() == 2 && country.bytes().all(|it| it.is_ascii_alphabetic()))
        {
            return wrong("country: give two letters, such as IT or DE");
        }
        if !self.dial_channel.contains("{extension}") || !line(&self.dial_channel) {
            return wrong("dial_channel: it must contain {extension}, as in PJSIP/{extension}");
        }
        if !line(&self.dial_context) || !line(&self.dial_caller_id) {
            return wrong("dial_context, dial_caller_id: a line end or another control character");
        }
        for (name, value, low, high) in [
            ("dial_timeout_s", self.dial_timeout_s, 5, 120),
            ("ping_s", self.ping_s, 5, 300),
            ("sweep_s", self.sweep_s, 10, 3600),
        ] {
            if !(low..=high).contains(&value) {
                return Err(SettingsError(format!("{name}: from {low} to {high} seconds")));
            }
        }
        self.endpoint().map(drop)
    }

    /// Where and how to connect.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] for a fingerprint that is none.
    pub fn endpoint(&self) -> Result<Endpoint, SettingsError> {
        let tls = self.tls.as_ref().map(TlsSettings::read).transpose()?;
        Ok(Endpoint { host: self.host.trim().to_owned(), port: self.port, tls })
    }

    pub(super) fn places(&self) -> Places {
        Places {
            extensions: Extensions::new(self.extensions.clone()),
            explicit: !self.extensions.is_empty(),
            trunks: self.trunks.clone(),
            outside_contexts: self.outside_contexts.clone(),
        }
    }
}

impl TlsSettings {
    fn read(&self) -> Result<Tls, SettingsError> {
        let pin = self.pin.as_ref().map(|it| {
            it.chars().filter(|it| !matches!(it, ':' | ' ')).collect::<String>().to_lowercase()
        });
        if pin
            .as_ref()
            .is_some_and(|it| it.len() != 64 || !it.bytes().all(|it| it.is_ascii_hexdigit()))
        {
            return Err(SettingsError(
                "tls.pin: a SHA-256 fingerprint has 64 hexadecimal digits".to_owned(),
            ));
        }
        Ok(Tls { ca: self.ca.clone(), pin, server_name: self.server_name.clone() })
    }
}

fn port() -> u16 {
    5038
}

/// What FreePBX and its relatives call them.
fn outside_contexts() -> Vec<String> {
    ["from-trunk", "from-pstn", "from-did-direct", "from-sip-external", "ext-did"]
        .map(str::to_owned)
        .to_vec()
}

fn dial_channel() -> String {
    "Local/{extension}@{context}".to_owned()
}

fn dial_context() -> String {
    "from-internal".to_owned()
}

fn dial_caller_id() -> String {
    "{extension}".to_owned()
}

fn dial_timeout_s() -> u32 {
    30
}

fn ping_s() -> u32 {
    20
}

fn sweep_s() -> u32 {
    60
}
