//! Snapshots: the lists of channels and bridges that the PBX gives on demand.

use std::collections::BTreeMap;

use call::{LegState, NewLeg, Side, Tracker, UnixMs};
use pbx_proto::ami::Frame;

use super::{
    Reader,
    channel::other_half,
    events::{is_dialled, joins},
    fields::Fields,
};

/// The most channels of one list that are kept.
const ITEMS_MAX: usize = 100_000;

/// Halfway between the whole seconds that the PBX tells and the next one.
const HALF_SECOND_MS: i64 = 500;

/// One channel of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Item {
    key: String,
    name: String,
    state: Option<String>,
    number: Option<String>,
    display: Option<String>,
    context: Option<String>,
    exten: Option<String>,
    link_id: Option<String>,
    bridge: Option<String>,
    /// Key, or up to 1.4 name, of the channel that it is joined with.
    peer: Option<String>,
    application: Option<String>,
    age_s: Option<i64>,
}

/// A snapshot that is being received.
#[derive(Debug, Default)]
pub(super) struct Lists {
    items: BTreeMap<String, Item>,
    /// Types of bridges, by id.
    bridges: BTreeMap<String, String>,
}

impl Lists {
    /// Takes in one item of `CoreShowChannels` or `Status`.
    pub(super) fn channel(&mut self, frame: Frame<'_>, reader: &Reader) {
        let fields = Fields::new(frame, reader.charset);
        let text = |key: &str| fields.last(key).map(str::to_owned);
        let (Some(name), Some(key)) = (fields.first("Channel"), text("Uniqueid")) else { return };
        if self.items.len() >= ITEMS_MAX {
            return;
        }
        let item = Item {
            key: key.clone(),
            name: name.to_owned(),
            state: text("ChannelStateDesc").or_else(|| text("State")),
            number: fields.text("CallerIDNum"),
            display: fields.text("CallerIDName"),
            context: text("Context"),
            exten: text("Exten").or_else(|| text("Extension")),
            link_id: text("Linkedid"),
            bridge: text("BridgeId"),
            peer: text("BridgedUniqueid").or_else(|| text("Link")),
            application: text("Application"),
            age_s: fields
                .last("Seconds")
                .and_then(|it| it.parse().ok())
                .or_else(|| fields.last("Duration").and_then(duration_s)),
        };
        self.items.insert(key, item);
    }

    /// Takes in one item of `BridgeList`.
    pub(super) fn bridge(&mut self, frame: Frame<'_>, reader: &Reader) {
        let fields = Fields::new(frame, reader.charset);
        if let (Some(id), Some(kind)) = (fields.first("BridgeUniqueid"), fields.first("BridgeType"))
            && self.bridges.len() < ITEMS_MAX
        {
            self.bridges.insert(id.to_owned(), kind.to_owned());
        }
    }

    /// Makes the tracker know what is listed. `all`: joints of known legs are taken over too; a list
    /// that is a moment old must not undo what events have told since.
    pub(super) fn follow(&self, at: UnixMs, all: bool, reader: &Reader, tracker: &mut Tracker) {
        let mut fresh = Vec::new();
        for item in self.items.values() {
            if let Some(leg) = tracker.leg(&item.key) {
                tracker.listed(leg);
                if all {
                    fresh.push(item);
                }
            } else if item.adopt(at, reader, tracker) {
                fresh.push(item);
            }
        }
        for item in fresh {
            self.join(item, at, tracker);
        }
        // Where nothing is heard of the dial plan, this is how a mailbox is found out.
        for item in self.items.values().filter(|it| it.application.as_deref() == Some("VoiceMail"))
        {
            if let Some(leg) = tracker.leg(&item.key) {
                tracker.voicemail(leg);
            }
        }
        tracker.snapshot_listed(at);
    }

    fn join(&self, item: &Item, at: UnixMs, tracker: &mut Tracker) {
        let Some(leg) = tracker.leg(&item.key) else { return };
        if let Some(other) = other_half(&item.name).and_then(|it| tracker.leg_named(&it)) {
            tracker.paired(at, leg, other);
        }
        if let Some(link) = &item.link_id {
            tracker.link_id(at, leg, link);
        }
        if let Some(bridge) = &item.bridge {
            let joined = self.bridges.get(bridge).is_none_or(|it| joins(it));
            tracker.entered(at, leg, bridge, joined);
        }
        let peer = item.peer.as_deref();
        if let Some(peer) = peer.and_then(|it| tracker.leg(it).or_else(|| tracker.leg_named(it))) {
            tracker.linked(at, leg, peer);
        }
    }
}

impl Item {
    fn adopt(&self, at: UnixMs, reader: &Reader, tracker: &mut Tracker) -> bool {
        let side = reader.places.side(&self.name, self.context.as_deref());
        let exten = self.exten.as_deref().filter(|it| is_dialled(it));
        // A channel that was dialled says so; where it does not, only the caller is in the dial plan.
        let calling = side != Side::Inner
            && match self.application.as_deref() {
                Some("AppDial" | "AppDial2" | "AppQueue") => false,
                Some(_) => true,
                None => exten.is_some(),
            };
        let state = match self.state.as_deref() {
            Some("Ring") => LegState::Calling,
            Some("Ringing") => LegState::Ringing,
            Some("Up") => LegState::Up,
            _ => LegState::New,
        };
        let age_ms = self.age_s.map_or(0, |it| it.saturating_mul(1000) + HALF_SECOND_MS);
        let leg = tracker.adopt(
            at.plus_ms(-age_ms),
            NewLeg {
                key: &self.key,
                name: &self.name,
                side,
                state,
                number: self.number.as_deref(),
                display: self.display.as_deref(),
                dialled: exten,
            },
            calling,
        );
        leg.is_some()
    }
}

/// Reads `00:01:02`, hours growing beyond two digits.
fn duration_s(text: &str) -> Option<i64> {
    let mut parts = text.split(':').map(str::parse::<i64>);
    let mut next = || parts.next()?.ok().filter(|it| (0..1_000_000).contains(it));
    Some(next()? * 3600 + next()? * 60 + next()?)
}
