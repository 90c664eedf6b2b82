//! Asterisk 1.4 to 22 and the distributions built on it, over the manager interface (AMI).

mod channel;
mod clock;
mod dial;
mod events;
mod fields;
mod lists;
mod replay;
mod session;
mod settings;
mod setup;
mod torn;

use std::collections::VecDeque;

use call::TrackerSettings;
use pbx_proto::ami::Charset;
use serde_json::Value;

use self::{channel::Places, dial::Issued, session::AmiSession};
pub use self::{
    settings::{CharsetName, Login, Secret, Settings, TlsSettings},
    setup::setup_lines,
};
use crate::{Kind, Link, Opening, SettingsError};

/// Asterisk, FreePBX, Issabel, VitalPBX and the like.
pub const ASTERISK: Kind = Kind {
    name: "asterisk",
    title: "Asterisk, FreePBX",
    schema: || schemars::schema_for!(Settings),
    open,
    setup_lines: |settings| Settings::read(settings).map(|it| setup_lines(&it)),
    replay: replay::replay,
};

/// Elastix: Asterisk 1.4 or 1.6 below, configured by files rather than pages.
pub const ELASTIX: Kind = Kind {
    name: "elastix",
    title: "Elastix",
    setup_lines: |settings| Settings::read(settings).map(|it| setup::elastix_lines(&it)),
    ..ASTERISK
};

fn open(settings: &Value, opening: Opening) -> Result<Link, SettingsError> {
    let settings = Settings::read(settings)?;
    let endpoint = settings.endpoint()?;
    let tracker = tracker_settings(&settings, opening.name.clone());
    let session = AmiSession::new(settings, opening);
    Ok(Link { session: Box::new(session), tracker, endpoint })
}

fn tracker_settings(settings: &Settings, name: String) -> TrackerSettings {
    TrackerSettings {
        pbx: name,
        country: settings.country.clone(),
        extensions: settings.places().extensions,
    }
}

/// How many of the newest channel names are kept, for the one event that gives no more than the
/// interface that was called (`AgentCalled` in 1.4).
const NEWEST_MAX: usize = 64;

/// What is needed to understand events, and nothing of the connection.
struct Reader {
    charset: Charset,
    places: Places,
    /// The dialect tells the dialled number in `Newexten` only.
    wants_extens: bool,
    newest: VecDeque<Box<str>>,
    /// Click-to-dial requests under way.
    issued: Vec<Issued>,
}

impl Reader {
    fn new(settings: &Settings) -> Reader {
        Reader {
            charset: settings.charset.into(),
            places: settings.places(),
            wants_extens: false,
            newest: VecDeque::new(),
            issued: Vec::new(),
        }
    }

    fn remember_new(&mut self, name: &str) {
        if !self.wants_extens {
            return;
        }
        if self.newest.len() >= NEWEST_MAX {
            self.newest.pop_front();
        }
        self.newest.push_back(name.into());
    }
}

#[cfg(test)]
mod tests;
