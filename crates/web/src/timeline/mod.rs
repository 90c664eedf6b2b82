//! The story of one call, from its events: who waited, rang, talked and held, from when to when.
//!
//! Pure. [`Timeline::of`] reads the events; `svg` draws them to scale; the page shows the same as
//! a table.

mod svg;
#[cfg(test)]
mod tests;

pub(crate) use svg::doing_text;

use call::{Call, Direction, EventKind, State, UnixMs};

/// One event of the call, with the call as it stood then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment<'a> {
    /// What happened.
    pub(crate) kind: EventKind,
    /// When.
    pub(crate) time: UnixMs,
    /// The call after it.
    pub(crate) call: &'a Call,
}

/// What somebody did for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Waits for an answer.
    Waiting,
    /// Waits in a queue.
    Queued,
    /// Their phone rings.
    Ringing,
    /// Talks.
    Talking,
    /// Is in a conversation that is on hold.
    Held,
}

impl Doing {
    /// The class of the stylesheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Doing::Waiting => "tl-waiting",
            Doing::Queued => "tl-queued",
            Doing::Ringing => "tl-ringing",
            Doing::Talking => "tl-talking",
            Doing::Held => "tl-held",
        }
    }
}

/// Somebody doing one thing, from when to when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// What.
    pub(crate) doing: Doing,
    /// From when.
    pub(crate) from: UnixMs,
    /// To when; for what still goes on: now.
    pub(crate) to: UnixMs,
}

/// One person or phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lane {
    /// A number, with a name where one is known.
    pub(crate) label: String,
    /// In order, without overlap.
    pub(crate) spans: Vec<Span>,
}

/// Something that happened at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// What.
    pub(crate) kind: EventKind,
    /// When.
    pub(crate) at: UnixMs,
}

/// The story of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Timeline {
    /// When it began.
    pub(crate) start: UnixMs,
    /// When it ended; for a call that goes on: now.
    pub(crate) end: UnixMs,
    /// The caller first, then whoever rang, in order.
    pub(crate) lanes: Vec<Lane>,
    /// Answer, transfers: what is drawn across all lanes.
    pub(crate) marks: Vec<Mark>,
}

impl Timeline {
    /// Reads the events of one call, in their order. `None` when there are none.
    pub(crate) fn of(moments: &[Moment<'_>], now: UnixMs) -> Option<Timeline> {
        let (first, last) = (moments.first()?, moments.last()?);
        let start = first.call.started_at.min(first.time);
        let over = last.call.state == State::Ended;
        let end = if over { last.call.ended_at.unwrap_or(last.time) } else { now }.max(start);
        let mut story = Story::new(last.call);
        let ends = moments.iter().skip(1).map(|it| it.time).chain([end]);
        for (index, (moment, until)) in moments.iter().zip(ends).enumerate() {
            let from = if index == 0 { start } else { moment.time };
            story.step(moment, from.min(end), until.min(end));
        }
        let marks = moments
            .iter()
            .filter(|it| matches!(it.kind, EventKind::CallAnswered | EventKind::CallTransferred))
            .map(|it| Mark { kind: it.kind, at: it.time.min(end) })
            .collect();
        story.lanes.retain(|it| !it.spans.is_empty());
        Some(Timeline { start, end, lanes: story.lanes, marks })
    }

    /// How long it took, in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.end.seconds_since(self.start)
    }
}

/// The lanes while the events are read.
struct Story {
    lanes: Vec<Lane>,
    /// The extension of each lane; that of the caller first.
    names: Vec<String>,
    /// Extensions that rang and have neither answered nor stopped, as far as is known.
    ringing: Vec<String>,
    rang: usize,
    talked: usize,
}

impl Story {
    /// One lane for the caller, one for each extension that rang or talked, one for the far end.
    fn new(call: &Call) -> Story {
        let number = |it: &call::Party| it.number.clone().or_else(|| it.raw.clone());
        let caller = number(&call.from).unwrap_or_default();
        let label = match (&call.from.name, caller.is_empty()) {
            (Some(name), false) if *name != caller => format!("{caller} {name}"),
            (Some(name), true) => name.clone(),
            (_, true) => "?".to_owned(),
            (_, false) => caller.clone(),
        };
        let mut story = Story {
            lanes: vec![Lane { label, spans: Vec::new() }],
            names: vec![caller],
            ringing: Vec::new(),
            rang: 0,
            talked: 0,
        };
        let far = (call.direction == Direction::Outbound).then(|| number(&call.to)).flatten();
        let phones = call.rang.iter().chain(&call.parties).chain(&call.answered_by).chain(&far);
        for phone in phones {
            if !story.names.contains(phone) {
                story.names.push(phone.clone());
                story.lanes.push(Lane { label: phone.clone(), spans: Vec::new() });
            }
        }
        story
    }

    fn step(&mut self, moment: &Moment<'_>, from: UnixMs, to: UnixMs) {
        let call = moment.call;
        let answered_anew =
            call.parties.len() > self.talked || matches!(moment.kind, EventKind::CallAnswered);
        if answered_anew || moment.kind == EventKind::CallQueued {
            self.ringing.clear();
        }
        self.talked = call.parties.len();
        self.ringing.extend(call.rang.iter().skip(self.rang).cloned());
        self.rang = call.rang.len();
        if call.state == State::Ended {
            return;
        }
        for index in 0..self.lanes.len() {
            if let Some(doing) = self.doing(index, call) {
                push(&mut self.lanes[index].spans, Span { doing, from, to });
            }
        }
    }

    /// What the person of this lane does while the call is as it is.
    fn doing(&self, lane: usize, call: &Call) -> Option<Doing> {
        let name = self.names[lane].as_str();
        let connected = match call.state {
            State::Talking => Some(Doing::Talking),
            State::Held => Some(Doing::Held),
            State::Ringing | State::Queued | State::Ended => None,
        };
        let theirs = call.extension.as_deref() == Some(name);
        let rings = self.ringing.iter().any(|it| it == name);
        if rings && !(connected.is_some() && theirs) {
            return Some(Doing::Ringing);
        }
        // After a transfer the conversation is with the last party; the caller of an internal call
        // may be the one who left it.
        let transferred_by = call.transfers.iter().any(|it| it.from.as_deref() == Some(name));
        let in_talk = if lane == 0 {
            !transferred_by || theirs
        } else {
            theirs
                || (call.direction != Direction::Inbound
                    && call.answered_by.as_deref() == Some(name)
                    && !transferred_by)
        };
        match (lane, connected) {
            (_, Some(doing)) => in_talk.then_some(doing),
            (0, None) if call.state == State::Queued => Some(Doing::Queued),
            (0, None) => Some(Doing::Waiting),
            (_, None) => None,
        }
    }
}

/// Adds a span, or makes the last one longer when it is the same thing going on.
fn push(spans: &mut Vec<Span>, span: Span) {
    match spans.last_mut() {
        Some(last) if last.doing == span.doing && last.to == span.from => last.to = span.to,
        _ if span.from == span.to => {}
        _ => spans.push(span),
    }
}
