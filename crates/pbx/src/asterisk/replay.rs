//! Plays a recording through the session and the tracker that follow a live link.

use call::{Call, Ids, Tracker};
use pbx_proto::ami::Decoder;
use serde_json::{Value, json};

use super::{Settings, session::AmiSession, tracker_settings};
use crate::{
    Opening, Output, Session,
    replay::{Recording, ReplayError, Replayed, Sent, Times},
};

/// Makes the ids of the calls of a recording the same each time.
const SEED: u64 = 0;

pub(super) fn replay(recording: &Recording<'_>, settings: &Value) -> Result<Replayed, ReplayError> {
    let settings = Settings::read(&without_address(settings))?;
    let times = Times::read(recording.times)?;
    let mut sent = Sent::read(recording.sent)?.into_iter().peekable();
    let opening = Opening { name: recording.pbx.to_owned(), ids: Ids::new(SEED) };
    let mut tracker =
        Tracker::new(tracker_settings(&settings, opening.name.clone()), Ids::new(SEED));
    let mut session = AmiSession::for_recording(settings, opening);
    let mut replayed = Replayed::default();
    for (at, bytes) in times.portions(recording.bytes) {
        while let Some(action) = sent.next_if(|it| it.at <= at) {
            play_action(&action, &mut session, &mut tracker);
        }
        tracker.woken(at);
        session.received(bytes, at, &mut tracker);
        collect(&mut session, &mut tracker, &mut replayed);
    }
    for action in sent {
        play_action(&action, &mut session, &mut tracker);
    }
    collect(&mut session, &mut tracker, &mut replayed);
    replayed.counters = session.counters();
    replayed.calls.retain(|it| it.merged_into.is_none());
    replayed.calls.sort_by(|a, b| (a.started_at, &a.id).cmp(&(b.started_at, &b.id)));
    Ok(replayed)
}

/// A recording needs no address and no user; without settings the defaults apply.
fn without_address(settings: &Value) -> Value {
    let mut settings = match settings {
        Value::Null => json!({}),
        given => given.clone(),
    };
    if let Value::Object(fields) = &mut settings {
        for needed in ["host", "username"] {
            fields.entry(needed).or_insert_with(|| json!("recording"));
        }
    }
    settings
}

fn play_action(action: &Sent, session: &mut AmiSession, tracker: &mut Tracker) {
    let mut decoder = Decoder::default();
    decoder.feed(action.text.as_bytes());
    decoder.feed(b"\r\n\r\n");
    if let Some(frame) = decoder.next_frame() {
        session.sent(frame, action.at, tracker);
    }
}

fn collect(session: &mut AmiSession, tracker: &mut Tracker, replayed: &mut Replayed) {
    while let Some(update) = tracker.poll() {
        let call: &Call = &update.call;
        match replayed.calls.iter_mut().rev().find(|it| it.id == call.id) {
            Some(known) => known.clone_from(call),
            None => replayed.calls.push(call.clone()),
        }
        replayed.events.push((update.time, update.kind, update.sequence, call.id.clone()));
    }
    while let Some(output) = session.poll() {
        if let Output::Notice(text) = output {
            replayed.notices.push(text);
        }
    }
}
