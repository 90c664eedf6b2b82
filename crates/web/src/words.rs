//! How calls, links and deliveries read: words and tones for what `api` and `call` name.

use api::{DeliveryStatus, HealthStatus};
use call::{Call, Direction, EndedBy, Outcome, Party, State};

use crate::{
    show::{Html, Tone, badge, escape},
    texts::Texts,
};

/// The word and the picture of a direction.
pub(crate) fn direction(direction: Direction, t: &'static Texts) -> (&'static str, &'static str) {
    match direction {
        Direction::Inbound => (t.inbound, "phone-incoming"),
        Direction::Outbound => (t.outbound, "phone-outgoing"),
        Direction::Internal => (t.internal, "exchange"),
    }
}

/// Every direction as a filter offers it.
pub(crate) fn directions(t: &'static Texts) -> Vec<(&'static str, &'static str)> {
    vec![("inbound", t.inbound), ("outbound", t.outbound), ("internal", t.internal)]
}

/// Every outcome as a filter offers it.
pub(crate) fn outcomes(t: &'static Texts) -> Vec<(&'static str, &'static str)> {
    vec![
        ("answered", t.answered),
        ("missed", t.missed),
        ("busy", t.busy),
        ("failed", t.failed),
        ("voicemail", t.voicemail),
    ]
}

/// Where a call is, or how it went.
pub(crate) fn state(call: &Call, t: &'static Texts) -> Html {
    let (tone, text) = match (call.state, call.outcome) {
        (State::Ringing, _) => (Tone::Warn, t.ringing),
        (State::Queued, _) => (Tone::Info, t.queued),
        (State::Talking, _) => (Tone::Good, t.talking),
        (State::Held, _) => (Tone::Hold, t.held),
        (State::Ended, Some(outcome)) => return self::outcome(outcome, t),
        (State::Ended, None) => (Tone::Plain, t.ended),
    };
    badge(tone, text)
}

/// How a call went.
pub(crate) fn outcome(outcome: Outcome, t: &'static Texts) -> Html {
    match outcome {
        Outcome::Answered => badge(Tone::Good, t.answered),
        Outcome::Missed => badge(Tone::Bad, t.missed),
        Outcome::Busy => badge(Tone::Warn, t.busy),
        Outcome::Failed => badge(Tone::Bad, t.failed),
        Outcome::Voicemail => badge(Tone::Info, t.voicemail),
    }
}

/// Who hung up.
pub(crate) fn ended_by(by: EndedBy, t: &'static Texts) -> &'static str {
    match by {
        EndedBy::Caller => t.ended_by_caller,
        EndedBy::Callee => t.ended_by_callee,
        EndedBy::Pbx => t.ended_by_pbx,
    }
}

/// The number of one end, as far as it is known.
pub(crate) fn number(party: &Party, t: &'static Texts) -> String {
    let known = party.number.as_ref().or(party.raw.as_ref()).filter(|it| !it.is_empty());
    known.cloned().unwrap_or_else(|| t.unknown_number.to_owned())
}

/// Number and name of one end.
pub(crate) fn party(party: &Party, t: &'static Texts) -> Html {
    let number = number(party, t);
    let name = party.name.as_ref().filter(|it| **it != number && !it.is_empty());
    let name = name.map(|it| format!(" <span class=\"name\" title=\"{0}\">{0}</span>", escape(it)));
    Html::rendered(format!(
        "<span class=\"number\">{}</span>{}",
        escape(&number),
        name.unwrap_or_default()
    ))
}

/// How far a delivery has come.
pub(crate) fn delivery(status: DeliveryStatus, t: &'static Texts) -> Html {
    match status {
        DeliveryStatus::Pending => badge(Tone::Info, t.status_waiting),
        DeliveryStatus::Delivered => badge(Tone::Good, t.status_delivered),
        DeliveryStatus::Dead => badge(Tone::Bad, t.status_dead),
        DeliveryStatus::Cancelled => badge(Tone::Plain, t.status_cancelled),
    }
}

/// How an integration fares.
pub(crate) fn health(status: HealthStatus, t: &'static Texts) -> Html {
    match status {
        HealthStatus::Disabled => badge(Tone::Plain, t.health_disabled),
        HealthStatus::Idle => badge(Tone::Plain, t.health_idle),
        HealthStatus::Working => badge(Tone::Good, t.health_working),
        HealthStatus::Failing => badge(Tone::Bad, t.health_failing),
    }
}
