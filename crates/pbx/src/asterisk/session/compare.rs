//! Snapshots: asking for the lists, and going on from what they say.

use call::{Tracker, UnixMs};
use pbx_proto::ami::{Decoder, Frame, FrameKind};

use super::{AmiSession, LIST_MS, NOISE, Pending, Phase};
use crate::{Output, asterisk::lists::Lists};

impl AmiSession {
    /// Asks for everything that there is now.
    pub(super) fn compare(&mut self, now: UnixMs, tracker: &mut Tracker) {
        if self.lists.is_some() {
            return;
        }
        if self.phase != Phase::Up {
            self.phase = Phase::Comparing;
            self.first_snapshot = true;
            self.act("CoreSettings", Pending::Version, Ok);
            if self.manager > (1, 1) {
                // Needs a right that few give; without it the lines of the set-up page do the same.
                self.act("Filter", Pending::Filter, |it| {
                    it.with("Operation", "Add")?.with("Filter", NOISE)
                });
            }
        }
        self.deadline = Some(now.plus_ms(LIST_MS));
        self.next_sweep = Some(now.plus_ms(i64::from(self.settings.sweep_s) * 1000));
        tracker.snapshot_begins();
        self.lists = Some(Lists::default());
        self.lists_open = 0;
        // Bridges first: whether those in one hear each other must be known of each channel.
        if self.manager.0 >= 2 {
            self.lists_open += 1;
            self.act("BridgeList", Pending::Bridges, Ok);
        }
        self.lists_open += 1;
        if self.manager <= (1, 0) {
            self.act("Status", Pending::Status, Ok);
        } else {
            self.act("CoreShowChannels", Pending::Channels, Ok);
        }
    }

    /// A list came to its end, or will not come.
    pub(super) fn list_done(&mut self, now: UnixMs, tracker: &mut Tracker) {
        self.lists_open = self.lists_open.saturating_sub(1);
        if self.lists_open == 0 && self.lists.is_some() {
            self.compared(now, tracker);
        }
    }

    pub(super) fn compared(&mut self, now: UnixMs, tracker: &mut Tracker) {
        let Some(lists) = self.lists.take() else { return };
        self.deadline = None;
        let first = std::mem::take(&mut self.first_snapshot);
        lists.follow(now, first, &self.reader, tracker);
        self.release(tracker);
        // What ended unseen ended when the line was lost, as far as anybody knows.
        let ended = self.last_contact.take().filter(|_| first).unwrap_or(now);
        tracker.snapshot_ends(now, ended);
        self.rise();
    }

    /// No list: calls go on from the events alone.
    pub(super) fn compare_failed(&mut self, reason: &str, now: UnixMs, tracker: &mut Tracker) {
        self.lists = None;
        self.lists_open = 0;
        self.deadline = None;
        self.first_snapshot = false;
        tracker.snapshot_fails();
        self.release(tracker);
        self.next_sweep = Some(now.plus_ms(i64::from(self.settings.sweep_s) * 1000));
        if self.phase != Phase::Up {
            self.phase = Phase::Comparing;
            self.outputs.push_back(Output::Notice(format!(
                "The list of channels cannot be had ({reason}): calls that were up before are not \
                 seen, and a call whose end was missed stays open. Give the manager user \
                 `write = reporting` (version 1.4: `call`)."
            )));
        }
        self.rise();
    }

    pub(super) fn rise(&mut self) {
        if self.phase == Phase::Comparing {
            self.phase = Phase::Up;
            let version = self.version.clone().map_or_else(
                || format!("Asterisk, manager {}.{}", self.manager.0, self.manager.1),
                |it| format!("Asterisk {it}"),
            );
            self.outputs.push_back(Output::Up { version });
        }
    }

    /// Events that were held back during the first snapshot.
    pub(super) fn release(&mut self, tracker: &mut Tracker) {
        self.held_bytes = 0;
        let held = std::mem::take(&mut self.held);
        let mut decoder = Decoder::default();
        for (at, bytes) in held {
            decoder.feed(&bytes);
            decoder.feed(b"\r\n");
            while let Some(frame) = decoder.next_frame() {
                if let FrameKind::Event(name) = frame.kind() {
                    self.pass_on(name, frame, at, tracker);
                }
            }
        }
    }

    /// Events that answer something of ours: items of lists, the outcome of click-to-dial.
    pub(super) fn own_event(
        &mut self,
        name: &[u8],
        frame: Frame<'_>,
        now: UnixMs,
        tracker: &mut Tracker,
    ) -> bool {
        let originated = name.eq_ignore_ascii_case(b"OriginateResponse");
        let item = ["CoreShowChannel", "Status", "BridgeListItem"];
        let end = ["CoreShowChannelsComplete", "StatusComplete", "BridgeListComplete"];
        let is = |names: &[&str]| names.iter().any(|it| name.eq_ignore_ascii_case(it.as_bytes()));
        if !originated && !is(&item) && !is(&end) {
            return false;
        }
        let Some(id) = frame.get("ActionID").and_then(|it| std::str::from_utf8(it).ok()) else {
            return true;
        };
        if originated {
            self.originated(id, frame, now, tracker);
            return true;
        }
        // Another client of ours cannot be here: the ids of its actions never reach this line.
        if !self.pending.contains_key(id) {
            return true;
        }
        if is(&end) {
            self.pending.remove(id);
            self.list_done(now, tracker);
        } else if let Some(lists) = &mut self.lists {
            if name.eq_ignore_ascii_case(b"BridgeListItem") {
                lists.bridge(frame, &self.reader);
            } else {
                lists.channel(frame, &self.reader);
            }
        }
        true
    }
}
