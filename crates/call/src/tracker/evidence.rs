//! What is gathered about the legs that a call tried, and the outcome that follows from it.

use serde::{Deserialize, Serialize};

use super::legs::DialEnd;
use crate::{Direction, Outcome};

/// How one dialled leg ended without being connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Miss {
    /// It rang, and nobody picked up.
    Missed,
    /// It was busy.
    Busy,
    /// The person pressed "reject".
    Declined,
    /// The network refused.
    Failed,
    /// No phone is registered.
    Unavailable,
}

impl Miss {
    /// Reads the ITU-T Q.850 cause and the dial status together. Neither can be trusted alone: a 404
    /// shows as `NOANSWER` from Asterisk 12 on, and the cause of a cancelled leg is 0, 16 or 127.
    ///
    /// `None`: somebody else answered, which says nothing about this leg.
    pub(super) fn read(cause: Option<u16>, end: Option<DialEnd>) -> Option<Miss> {
        Some(match (cause, end) {
            (Some(26), _) => return None,
            (Some(1 | 2 | 27 | 28 | 34 | 38 | 41 | 42 | 44), _) => Miss::Failed,
            (Some(21), _) => Miss::Declined,
            (Some(17), _) => Miss::Busy,
            (Some(3 | 20), _) => Miss::Unavailable,
            (_, Some(DialEnd::Busy)) => Miss::Busy,
            (_, Some(DialEnd::Congestion)) => Miss::Failed,
            (_, Some(DialEnd::Unavailable)) => Miss::Unavailable,
            (_, Some(DialEnd::Answered | DialEnd::NoAnswer | DialEnd::Cancelled) | None) => {
                Miss::Missed
            }
        })
    }
}

/// Everything about a call that decides its outcome if nobody is ever connected.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Evidence {
    /// Cause of the last leg of each kind of miss.
    missed: Option<u16>,
    busy: Option<u16>,
    declined: Option<u16>,
    failed: Option<u16>,
    unavailable: Option<u16>,
    /// Somebody was called, apart from the phone that a click-to-dial request rings first.
    pub(super) called: bool,
    /// Somebody outside was called.
    pub(super) called_outside: bool,
    /// Cause of the caller's leg.
    pub(super) caller_cause: Option<u16>,
    /// How the last attempt of the caller to dial ended.
    pub(super) caller_dial_end: Option<DialEnd>,
    /// A mailbox took the call.
    pub(super) voicemail: bool,
}

impl Evidence {
    pub(super) fn note(&mut self, miss: Miss, cause: Option<u16>) {
        let slot = match miss {
            Miss::Missed => &mut self.missed,
            Miss::Busy => &mut self.busy,
            Miss::Declined => &mut self.declined,
            Miss::Failed => &mut self.failed,
            Miss::Unavailable => &mut self.unavailable,
        };
        *slot = Some(cause.unwrap_or(0));
    }

    pub(super) fn merge(&mut self, other: Evidence) {
        self.missed = self.missed.or(other.missed);
        self.busy = self.busy.or(other.busy);
        self.declined = self.declined.or(other.declined);
        self.failed = self.failed.or(other.failed);
        self.unavailable = self.unavailable.or(other.unavailable);
        self.called |= other.called;
        self.called_outside |= other.called_outside;
        self.caller_cause = self.caller_cause.or(other.caller_cause);
        self.caller_dial_end = self.caller_dial_end.or(other.caller_dial_end);
        self.voicemail |= other.voicemail;
    }

    /// Outcome of a call in which nobody was connected, and the cause that goes with it.
    ///
    /// `requested`: a click-to-dial request made it.
    pub(super) fn outcome(&self, direction: Direction, requested: bool) -> (Outcome, Option<u16>) {
        if self.voicemail {
            return (Outcome::Voicemail, self.caller_cause);
        }
        let known = |cause: u16| (cause != 0).then_some(cause).or(self.caller_cause);
        if let Some(cause) = self.missed {
            return (Outcome::Missed, self.caller_cause.or(Some(cause)));
        }
        if requested && !self.called {
            // Nothing was dialled: the phone of the person who clicked did not take the call.
            let cause = self.busy.or(self.declined).or(self.failed).or(self.unavailable);
            return (Outcome::Failed, cause.and_then(known));
        }
        if let Some(cause) = self.busy {
            return (Outcome::Busy, known(cause));
        }
        if let Some(cause) = self.declined {
            let busy = direction != Direction::Outbound;
            return (if busy { Outcome::Busy } else { Outcome::Failed }, known(cause));
        }
        if let Some(cause) = self.failed {
            return (Outcome::Failed, known(cause));
        }
        if let Some(cause) = self.unavailable {
            return (unavailable(direction), known(cause));
        }
        (self.outcome_of_caller(direction), self.caller_cause)
    }

    /// The outcome when no leg was tried at all.
    fn outcome_of_caller(&self, direction: Direction) -> Outcome {
        match Miss::read(self.caller_cause, self.caller_dial_end) {
            Some(Miss::Busy | Miss::Declined) => Outcome::Busy,
            Some(Miss::Failed) => Outcome::Failed,
            Some(Miss::Unavailable) => unavailable(direction),
            Some(Miss::Missed) | None => Outcome::Missed,
        }
    }
}

/// No phone rang: for a customer that is a missed call, for one of us a call that could not be made.
fn unavailable(direction: Direction) -> Outcome {
    if direction == Direction::Inbound { Outcome::Missed } else { Outcome::Failed }
}
