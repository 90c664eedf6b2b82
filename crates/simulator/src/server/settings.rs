//! What a simulated phone system is started with, and what it reports.

use std::net::SocketAddr;

use serde::Serialize;

use crate::{
    clock::Clock,
    company::Company,
    profile::{Profile, Quiet},
    rights::Rights,
    script::Expected,
};

/// How fast events go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Each when it is due.
    Real,
    /// As fast as the clients read, in the order in which they are due; the times in them are those
    /// of a clock that is pushed on from event to event. Nothing is sent before a client has asked
    /// for the channels.
    Full,
}

/// How long the parts of a click-to-dial call take: from and to, in milliseconds.
///
/// A number that ends in `486` is busy; for one that ends in `480` nobody lifts the phone here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialling {
    /// Until the person lifts.
    pub lifts_ms: (u32, u32),
    /// From then until the far end answers.
    pub answers_ms: (u32, u32),
    /// From then until the far end hangs up.
    pub talks_ms: (u32, u32),
}

impl Default for Dialling {
    fn default() -> Dialling {
        Dialling { lifts_ms: (1_000, 2_500), answers_ms: (1_500, 3_500), talks_ms: (5_000, 20_000) }
    }
}

/// How a simulated phone system is started.
pub struct Settings {
    /// Where to listen; only loopback addresses are taken. Port 0: any that is free.
    pub listen: SocketAddr,
    /// The one account.
    pub username: String,
    /// Its secret.
    pub secret: String,
    /// What the account may read and do.
    pub rights: Rights,
    /// Whose phone system it is.
    pub company: Company,
    /// What calls are placed.
    pub profile: Box<dyn Profile>,
    /// How fast.
    pub pace: Pace,
    /// How click-to-dial calls go.
    pub dialling: Dialling,
    /// The time.
    pub clock: Clock,
    /// Everything that looks random follows from it.
    pub seed: u64,
    /// Do not place calls before [`Simulator::resume`].
    pub paused: bool,
    /// Remember the end of every call for [`Simulator::ends`]: some hundred bytes each.
    pub keep_ends: bool,
}

impl Settings {
    /// A quiet small company on any free port, with the account `hookswitch`.
    #[must_use]
    pub fn quiet(clock: Clock, secret: &str) -> Settings {
        Settings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            username: "hookswitch".to_owned(),
            secret: secret.to_owned(),
            rights: Rights::RECOMMENDED,
            company: Company::small(),
            profile: Box::new(Quiet),
            pace: Pace::Real,
            dialling: Dialling::default(),
            clock,
            seed: 1,
            paused: false,
            keep_ends: false,
        }
    }
}

/// The end of one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct End {
    /// What must be known about the call.
    #[serde(flatten)]
    pub expected: Expected,
    /// When its last channel was hung up, in microseconds since the epoch.
    pub ended_us: i64,
    /// Whether that was written to the socket of a client that could follow it: one that was
    /// logged in and had had a list of the channels.
    pub reported: bool,
}

/// What has happened so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Calls begun.
    pub placed: u64,
    /// Calls ended.
    pub ended: u64,
    /// Events that were due, whether or not anybody listened.
    pub events: u64,
    /// Log-ins.
    pub logins: u64,
    /// Log-ins that were refused.
    pub refused_logins: u64,
    /// Pings answered.
    pub pings: u64,
    /// When it was last restarted, in microseconds since the epoch.
    pub restarted_us: Option<i64>,
}
