//! A call as it might have been: what templates are tried on while there is no real one.

use std::sync::Arc;

use call::{
    Call, CallId, Direction, EndedBy, Event, EventKind, Ids, LinkChange, Outcome, Party, State,
    Subject, UnixMs,
};

/// An event of this type, of a sample call or link.
#[must_use]
pub fn event(kind: EventKind, organisation: Arc<str>, now: UnixMs) -> Event {
    let subject = match kind {
        EventKind::LinkUp => Subject::Link(LinkChange { pbx: "head-office".into(), reason: None }),
        EventKind::LinkDown => Subject::Link(LinkChange {
            pbx: "head-office".into(),
            reason: Some("the connection was closed".into()),
        }),
        _ => Subject::Call(Arc::new(call(now))),
    };
    let id = Ids::new(0).next(now);
    Event { id, kind, time: now, organisation, sequence: 1, subject }
}

/// An inbound call that was answered and has ended just now.
#[must_use]
pub fn call(now: UnixMs) -> Call {
    let started_at = now.plus_ms(-79_600);
    let party = |number: &str, raw: &str, name: Option<&str>| Party {
        number: Some(number.into()),
        raw: Some(raw.into()),
        name: name.map(Into::into),
    };
    Call {
        id: CallId(Ids::new(0).next(started_at)),
        pbx: "head-office".into(),
        direction: Direction::Inbound,
        from: party("+390612345678", "0612345678", Some("Rossi")),
        to: party("+390687654321", "0687654321", None),
        state: State::Ended,
        outcome: Some(Outcome::Answered),
        queue: None,
        rang: vec!["201".into(), "202".into()],
        answered_by: Some("201".into()),
        parties: vec!["201".into()],
        extension: Some("201".into()),
        user: Some("anna@example.com".into()),
        transfers: Vec::new(),
        picked_up_from: None,
        forwarded_by: None,
        parked: false,
        started_at,
        answered_at: Some(started_at.plus_ms(6_200)),
        ended_at: Some(now),
        ring_seconds: 6.2,
        talk_seconds: 73.4,
        hold_seconds: 0.0,
        ended_by: Some(EndedBy::Caller),
        hangup_cause: Some(16),
        dial_request: None,
        recordings: Vec::new(),
        contact: None,
        links: Vec::new(),
        estimated: false,
        merged_into: None,
    }
}
