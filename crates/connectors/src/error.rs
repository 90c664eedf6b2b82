//! Why an event was not carried out.

use std::time::Duration;

/// One variant for each thing that the caller can do about it.
///
/// The texts are for people. They name the host and never the whole address, which may hold a
/// secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Not now, maybe later: try again.
    #[error("{host} is not available: {reason}")]
    Unavailable {
        /// Whom we tried to reach.
        host: String,
        /// In plain words.
        reason: String,
    },
    /// Try again after `wait`, and leave the endpoint alone until then.
    #[error("{host} asks us to slow down")]
    Throttled {
        /// Whom we tried to reach.
        host: String,
        /// As long as it asked for, if it said.
        wait: Option<Duration>,
    },
    /// Do not try again; somebody must enter other credentials.
    #[error(
        "{host} does not accept our credentials (HTTP {status}); check the secret or the headers of the integration"
    )]
    Unauthorized {
        /// Whom we tried to reach.
        host: String,
        /// 401 or 403.
        status: u16,
    },
    /// Do not try again; the endpoint does not want this event.
    #[error("{host} refuses this delivery: {reason}")]
    Refused {
        /// Whom we tried to reach.
        host: String,
        /// In plain words.
        reason: String,
    },
    /// Do not try again; no proper request can be made of this event. Nothing was sent.
    #[error("{0}")]
    Invalid(String),
}
