//! What a template sees of an event: looked up when asked for, never copied as a whole.

use std::sync::Arc;

use call::{Call, Event, Party, Recording, Subject, Transfer, UnixMs};
use minijinja::value::{Enumerator, Object, Serde, Value};
use serde::Serialize;

use super::names::{Shape, Token, record};

/// The event of a delivery, and what a template may know of its way.
#[derive(Debug, Clone)]
pub struct Facts(Value);

impl Facts {
    /// `integration` is the name of the destination, `delivery` the id of this delivery to it, and
    /// `attempt` counts its tries from 1.
    #[must_use]
    pub fn new(event: Arc<Event>, integration: Arc<str>, delivery: &str, attempt: u32) -> Facts {
        let (call, link) = (call_of(&event), link_of(&event));
        let delivery = delivery.to_owned();
        Facts(Value::from_object(Root { event, call, link, integration, delivery, attempt }))
    }

    pub(super) fn value(&self) -> Value {
        self.0.clone()
    }
}

#[derive(Debug)]
struct Root {
    event: Arc<Event>,
    /// Asked for by nearly every token, so they are made once.
    call: Value,
    link: Value,
    integration: Arc<str>,
    delivery: String,
    attempt: u32,
}

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match key {
            "event" => Some(Value::from_object(EventFacts(Arc::clone(&self.event)))),
            "call" => Some(self.call.clone()),
            "link" => Some(self.link.clone()),
            "delivery" => Some(Value::from_object(DeliveryFacts(Arc::clone(self)))),
            "integration" => Some(Value::from_object(IntegrationFacts(Arc::clone(self)))),
            _ => None,
        }
    }
}

/// `none` for an event of something else, so that `{% if call %}` can ask.
fn call_of(event: &Event) -> Value {
    match &event.subject {
        Subject::Call(call) => Value::from_object(CallFacts(Arc::clone(call))),
        Subject::Link(_) => Value::from(()),
    }
}

fn link_of(event: &Arc<Event>) -> Value {
    match &event.subject {
        Subject::Link(_) => Value::from_object(LinkFacts(Arc::clone(event))),
        Subject::Call(_) => Value::from(()),
    }
}

/// Makes an object of a look-up over a shared owner.
macro_rules! object {
    ($object:ident($owner:ty), $look_up:ident, $names:ident) => {
        #[derive(Debug)]
        struct $object($owner);

        impl Object for $object {
            fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
                $look_up(&self.0, key.as_str()?)
            }

            fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
                $look_up(&self.0, key)
            }

            fn enumerate(self: &Arc<Self>) -> Enumerator {
                Enumerator::Str($names)
            }
        }
    };
}

object!(EventFacts(Arc<Event>), event_token, EVENT_NAMES);
object!(LinkFacts(Arc<Event>), link_token, LINK_NAMES);
object!(CallFacts(Arc<Call>), call_token, CALL_NAMES);
object!(PartyFacts((Arc<Call>, End)), party_token, PARTY_NAMES);
object!(TransferFacts((Arc<Call>, usize)), transfer_token, TRANSFER_NAMES);
object!(RecordingFacts((Arc<Call>, usize)), recording_token, RECORDING_NAMES);
object!(DeliveryFacts(Arc<Root>), delivery_token, DELIVERY_NAMES);
object!(IntegrationFacts(Arc<Root>), integration_token, INTEGRATION_NAMES);

/// Which end of a call.
#[derive(Debug, Clone, Copy)]
enum End {
    From,
    To,
}

record! {
    EVENT, EVENT_NAMES,
    fn event_token(owner: Arc<Event>) {
        let Event { id, kind, time, organisation, sequence, subject: _ } = &**owner;
    }
    "id": Shape::Plain => id.as_str(),
    "type": Shape::Plain => kind.name(),
    "time": Shape::Plain => time_value(*time),
    "organisation": Shape::Plain => &**organisation,
    "sequence": Shape::Number => *sequence,
    "call": Shape::Record(CALL) => call_of(owner),
    "link": Shape::Record(LINK) => link_of(owner),
}

record! {
    LINK, LINK_NAMES,
    fn link_token(owner: Arc<Event>) {
        let call::LinkChange { pbx, reason } = match &owner.subject {
            Subject::Link(change) => change,
            Subject::Call(_) => return None,
        };
    }
    "pbx": Shape::Plain => pbx.as_str(),
    "reason": Shape::Plain => reason.as_deref(),
}

record! {
    CALL, CALL_NAMES,
    fn call_token(owner: Arc<Call>) {
        let Call {
            id, pbx, direction, from: _, to: _, state, outcome, queue, rang, answered_by, parties,
            extension, user, transfers, picked_up_from, forwarded_by, parked, started_at,
            answered_at, ended_at, ring_seconds, talk_seconds, hold_seconds, ended_by,
            hangup_cause, dial_request, recordings, contact, links, estimated, merged_into,
        } = &**owner;
    }
    "id": Shape::Plain => id.0.as_str(),
    "pbx": Shape::Plain => pbx.as_str(),
    "direction": Shape::Plain => word(direction),
    "from": Shape::Record(PARTY) => Value::from_object(PartyFacts((Arc::clone(owner), End::From))),
    "to": Shape::Record(PARTY) => Value::from_object(PartyFacts((Arc::clone(owner), End::To))),
    "state": Shape::Plain => word(state),
    "outcome": Shape::Plain => word(outcome),
    "queue": Shape::Plain => queue.as_deref(),
    "rang": Shape::List(&Shape::Plain) => texts(rang),
    "answered_by": Shape::Plain => answered_by.as_deref(),
    "parties": Shape::List(&Shape::Plain) => texts(parties),
    "extension": Shape::Plain => extension.as_deref(),
    "user": Shape::Plain => user.as_deref(),
    "transfers": Shape::List(&Shape::Record(TRANSFER)) =>
        each(transfers.len(), |at| Value::from_object(TransferFacts((Arc::clone(owner), at)))),
    "picked_up_from": Shape::Plain => picked_up_from.as_deref(),
    "forwarded_by": Shape::Plain => forwarded_by.as_deref(),
    "parked": Shape::Plain => *parked,
    "started_at": Shape::Plain => time_value(*started_at),
    "answered_at": Shape::Plain => answered_at.map(time_value),
    "ended_at": Shape::Plain => ended_at.map(time_value),
    "ring_seconds": Shape::Number => *ring_seconds,
    "talk_seconds": Shape::Number => *talk_seconds,
    "hold_seconds": Shape::Number => *hold_seconds,
    "ended_by": Shape::Plain => word(ended_by),
    "hangup_cause": Shape::Number => *hangup_cause,
    "dial_request": Shape::Plain => dial_request.as_deref(),
    "recordings": Shape::List(&Shape::Record(RECORDING)) =>
        each(recordings.len(), |at| Value::from_object(RecordingFacts((Arc::clone(owner), at)))),
    "contact": Shape::Plain => contact.as_deref(),
    "links": Shape::List(&Shape::Plain) => texts(links),
    "estimated": Shape::Plain => *estimated,
    "merged_into": Shape::Plain => merged_into.as_ref().map(|it| it.0.as_str()),
}

record! {
    PARTY, PARTY_NAMES,
    fn party_token(owner: (Arc<Call>, End)) {
        let Party { number, raw, name: shown } = match owner.1 {
            End::From => &owner.0.from,
            End::To => &owner.0.to,
        };
    }
    "number": Shape::Plain => number.as_deref(),
    "raw": Shape::Plain => raw.as_deref(),
    "name": Shape::Plain => shown.as_deref(),
}

record! {
    TRANSFER, TRANSFER_NAMES,
    fn transfer_token(owner: (Arc<Call>, usize)) {
        let Transfer { kind, from, to, outcome, at } = owner.0.transfers.get(owner.1)?;
    }
    "kind": Shape::Plain => word(kind),
    "from": Shape::Plain => from.as_deref(),
    "to": Shape::Plain => to.as_deref(),
    "outcome": Shape::Plain => word(outcome),
    "at": Shape::Plain => time_value(*at),
}

record! {
    RECORDING, RECORDING_NAMES,
    fn recording_token(owner: (Arc<Call>, usize)) {
        let Recording { id, started_at } = owner.0.recordings.get(owner.1)?;
    }
    "id": Shape::Plain => id.as_str(),
    "started_at": Shape::Plain => started_at.map(time_value),
}

record! {
    DELIVERY, DELIVERY_NAMES,
    fn delivery_token(owner: Arc<Root>) {
        let Root { delivery, attempt, event: _, call: _, link: _, integration: _ } = &**owner;
    }
    "id": Shape::Plain => delivery.as_str(),
    "attempt": Shape::Number => *attempt,
}

record! {
    INTEGRATION, INTEGRATION_NAMES,
    fn integration_token(owner: Arc<Root>) {
        let Root { integration, event: _, call: _, link: _, delivery: _, attempt: _ } = &**owner;
    }
    "name": Shape::Plain => &**integration,
}

/// A value as JSON: an event or a call exactly as the contract writes it.
pub(super) fn to_json(value: &Value) -> serde_json::Result<String> {
    if let Some(EventFacts(event)) = value.downcast_object_ref() {
        serde_json::to_string(event)
    } else if let Some(CallFacts(call)) = value.downcast_object_ref() {
        serde_json::to_string(call)
    } else {
        serde_json::to_string(value)
    }
}

/// A time as the contract writes it.
fn time_value(time: UnixMs) -> Value {
    Value::from(time.to_string())
}

/// The public name of an enum's variant, or `none`.
fn word<T: Serialize>(value: &T) -> Value {
    Value::from(Serde(value))
}

fn texts(list: &[String]) -> Value {
    each(list.len(), |at| Value::from(list[at].as_str()))
}

fn each(length: usize, value: impl Fn(usize) -> Value) -> Value {
    (0..length).map(value).collect()
}
