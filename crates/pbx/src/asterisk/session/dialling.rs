//! Click-to-dial: sending requests, and what becomes of them.

use call::{Tracker, UnixMs};
use pbx_proto::ami::Frame;

use super::{AmiSession, PENDING_MAX, Pending, Phase, WAITING_MAX, Waiting};
use crate::{
    DialOutcome, Output,
    asterisk::{
        dial::{self, Dial},
        lists::Lists,
    },
};

impl AmiSession {
    /// The PBX has taken or refused a click-to-dial request.
    pub(super) fn dial_answered(
        &mut self,
        id: &str,
        ok: bool,
        message: &str,
        now: UnixMs,
        tracker: &mut Tracker,
    ) {
        let outcome = if ok {
            tracker.dial_accepted(now, id);
            DialOutcome::Accepted
        } else {
            tracker.dial_refused(now, id);
            self.reader.issued.retain(|it| it.id != id);
            DialOutcome::Failed(format!("The phone system refused: “{message}”"))
        };
        self.outputs.push_back(Output::DialOutcome { id: id.to_owned(), outcome });
        if !ok {
            self.dial_next(now, tracker);
        }
    }

    /// The phone of the person was answered, or not. Only ids of our own count.
    pub(super) fn originated(
        &mut self,
        id: &str,
        frame: Frame<'_>,
        now: UnixMs,
        tracker: &mut Tracker,
    ) {
        let Some(place) = self.reader.issued.iter().position(|it| it.id == id) else { return };
        let issued = self.reader.issued.remove(place);
        // The answer to the action may have been lost.
        tracker.dial_accepted(now, id);
        let failed = frame.get("Response").is_some_and(|it| !it.eq_ignore_ascii_case(b"Success"));
        let key = frame.get("Uniqueid").and_then(|it| std::str::from_utf8(it).ok());
        if let Some(leg) = key.and_then(|it| tracker.leg(it)) {
            tracker.dial_leg(now, id, leg);
        }
        if failed {
            let reason = frame.get("Reason").and_then(|it| std::str::from_utf8(it).ok());
            let reason = reason.and_then(|it| it.parse().ok());
            let (end, text) = dial::failure(reason, &issued.extension);
            tracker.dial_failed(now, id, end);
            let outcome = DialOutcome::Failed(text);
            self.outputs.push_back(Output::DialOutcome { id: id.to_owned(), outcome });
        }
        self.dial_next(now, tracker);
    }

    /// Sends a click-to-dial request, or lets it wait: up to 11 the channel of a request can only be
    /// told by its extension, so one phone takes one request at a time.
    pub(super) fn dial(&mut self, wish: Waiting, now: UnixMs, tracker: &mut Tracker) {
        let dial = Dial {
            id: &wish.id,
            extension: &wish.extension,
            number: &wish.number,
            label: wish.label.as_deref(),
        };
        let refused = match dial.check() {
            Err(reason) => Some(reason.to_owned()),
            Ok(()) if self.phase != Phase::Up => {
                Some("The link to the phone system is down.".to_owned())
            }
            Ok(()) if self.pending.len() >= PENDING_MAX => {
                Some("The phone system has too many requests to answer.".to_owned())
            }
            Ok(()) => None,
        };
        if let Some(reason) = refused {
            return self.dial_refuse(wish.id, reason);
        }
        let modern = self.manager.0 >= 2;
        let busy = self.reader.issued.iter().any(|it| it.extension == wish.extension);
        if busy && !modern {
            if self.waiting.len() >= WAITING_MAX {
                let reason = "Too many requests wait for phones to be answered.".to_owned();
                return self.dial_refuse(wish.id, reason);
            }
            self.waiting.push_back(wish);
            return;
        }
        let channel_id = modern.then(|| format!("hs-{}", wish.id));
        match dial.action(&self.settings, channel_id.as_deref()) {
            Ok(bytes) => {
                dial::register(&mut self.reader.issued, &dial, channel_id.as_deref(), now, tracker);
                self.pending.insert(wish.id.clone(), Pending::Dial(wish.id));
                self.outputs.push_back(Output::Send(bytes));
            }
            Err(error) => {
                self.dial_refuse(wish.id, format!("The request cannot be sent: {error}."));
            }
        }
    }

    pub(super) fn dial_refuse(&mut self, id: String, reason: String) {
        let outcome = DialOutcome::Failed(reason);
        self.outputs.push_back(Output::DialOutcome { id, outcome });
    }

    pub(super) fn dial_next(&mut self, now: UnixMs, tracker: &mut Tracker) {
        let free =
            |wish: &Waiting| self.reader.issued.iter().all(|it| it.extension != wish.extension);
        if let Some(place) = self.waiting.iter().position(free)
            && let Some(wish) = self.waiting.remove(place)
        {
            self.dial(wish, now, tracker);
        }
    }

    pub(super) fn cancel(&mut self, id: &str, tracker: &Tracker) {
        self.waiting.retain(|it| it.id != id);
        let leg = tracker.leg_of_request(id);
        if let Some(name) = leg.map(|it| tracker.name_of(it).to_owned()) {
            self.act("Hangup", Pending::Hangup, |it| it.with("Channel", &name));
        }
    }

    /// An action of a recording, as if this session had sent it.
    pub(in crate::asterisk) fn sent(
        &mut self,
        action: Frame<'_>,
        now: UnixMs,
        tracker: &mut Tracker,
    ) {
        let text = |key: &str| action.get(key).and_then(|it| std::str::from_utf8(it).ok());
        let (Some(name), Some(id)) = (text("Action"), text("ActionID")) else { return };
        let list = match name.to_ascii_lowercase().as_str() {
            "coreshowchannels" => Pending::Channels,
            "status" => Pending::Status,
            "bridgelist" => Pending::Bridges,
            "originate" => {
                let channel = text("Channel").unwrap_or_default();
                let peer = channel.split_once('/').map_or(channel, |it| it.1);
                let extension = peer.split(['@', '/']).next().unwrap_or_default();
                let number = text("Exten").unwrap_or_default();
                let dial = Dial { id, extension, number, label: None };
                let channel_id = text("ChannelId");
                dial::register(&mut self.reader.issued, &dial, channel_id, now, tracker);
                self.pending.insert(id.to_owned(), Pending::Dial(id.to_owned()));
                return;
            }
            _ => return,
        };
        if self.lists.is_none() {
            // Bridges alone say nothing of channels that are absent.
            if list == Pending::Bridges {
                return;
            }
            tracker.snapshot_begins();
            self.lists = Some(Lists::default());
            self.first_snapshot = true;
            self.lists_open = 0;
        }
        self.lists_open += 1;
        self.pending.insert(id.to_owned(), list);
    }
}
