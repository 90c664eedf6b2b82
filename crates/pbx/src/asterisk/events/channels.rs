//! What happens to one channel.

use call::{DialEnd, LegId, LegState, NewLeg};

use super::{Telling, is_dialled, is_mailbox, is_recorder};
use crate::asterisk::{channel::other_half, fields::is_unique_id};

impl Telling<'_, '_> {
    pub(super) fn new_channel(&mut self) -> Option<()> {
        let name = self.fields.first("Channel")?;
        let key = self.fields.last("Uniqueid")?;
        let ours = self.reader.issued.iter().position(|it| it.channel_id.as_deref() == Some(key));
        if self.fields.forged && (self.tracker.leg(key).is_some() || !is_unique_id(key)) {
            return None;
        }
        let context = self.fields.last("Context");
        let side = self.reader.places.side(name, context);
        let dialled = self.fields.last("Exten").filter(|it| is_dialled(it));
        // From 1.6 on a channel says at once what it dialled; in 1.4 a later event does.
        self.reader.wants_extens |= !self.fields.has("Exten");
        let number = self.fields.text("CallerIDNum");
        let display = self.fields.text("CallerIDName");
        let leg = self.tracker.leg_born(
            self.at,
            NewLeg {
                key,
                name,
                side,
                state: LegState::New,
                number: number.as_deref(),
                display: display.as_deref(),
                dialled,
            },
        )?;
        self.pair_up(leg, name);
        if let Some(link) = self.fields.last("Linkedid") {
            self.tracker.link_id(self.at, leg, link);
        }
        if let Some(issued) = ours.and_then(|it| self.reader.issued.get(it)) {
            self.tracker.dial_leg(self.at, &issued.id, leg);
        }
        self.reader.remember_new(name);
        self.set_state(leg);
        Some(())
    }

    /// The halves of a local channel differ in their last character only.
    pub(super) fn pair_up(&mut self, leg: LegId, name: &str) {
        if let Some(other) = other_half(name)
            && let Some(other) = self.tracker.leg_named(&other)
        {
            self.tracker.paired(self.at, leg, other);
        }
    }

    pub(super) fn set_state(&mut self, leg: LegId) {
        let state = self.fields.first("ChannelStateDesc").or_else(|| self.fields.first("State"));
        let state = match state {
            Some("Ring") => LegState::Calling,
            Some("Ringing") => LegState::Ringing,
            Some("Up") => LegState::Up,
            Some("Busy") => {
                // The dial plan itself answers "busy".
                self.tracker.attempt_ended(leg, DialEnd::Busy);
                return;
            }
            _ => return,
        };
        self.tracker.state(self.at, leg, state);
    }

    pub(super) fn new_state(&mut self) -> Option<()> {
        let leg = self.leg()?;
        // Of a called leg this is the number of the other side; nobody asks for it.
        let number = self.fields.text_of(["CallerIDNum", "CallerID"]);
        let name = self.fields.text("CallerIDName");
        self.tracker.person(leg, number.as_deref(), name.as_deref());
        self.set_state(leg);
        Some(())
    }

    pub(super) fn caller_id(&mut self) -> Option<()> {
        let leg = self.leg()?;
        let number = self.fields.text_of(["CallerIDNum", "CallerID"]);
        let name = self.fields.text("CallerIDName");
        self.tracker.person(leg, number.as_deref(), name.as_deref());
        Some(())
    }

    pub(super) fn new_exten(&mut self) -> Option<()> {
        let leg = self.leg()?;
        let context = self.fields.last("Context").unwrap_or_default();
        let exten = self.fields.last("Extension").or_else(|| self.fields.last("Exten"));
        if let Some(exten) = exten.filter(|it| is_dialled(it) && !context.starts_with("macro-")) {
            self.tracker.dialled(self.at, leg, exten);
        }
        let application = self.fields.raw("Application").unwrap_or_default();
        if is_recorder(application) {
            self.tracker.recorded(self.at, leg);
        } else if is_mailbox(application) {
            self.tracker.voicemail(leg);
        }
        Some(())
    }

    /// A masquerade is three of these: the leg goes with the name, the id stays with the body.
    pub(super) fn rename(&mut self) -> Option<()> {
        let leg = self.fields.last("Uniqueid").and_then(|it| self.tracker.leg(it));
        let old = self.fields.first("Oldname").or_else(|| self.fields.first("Channel"));
        let leg = leg.or_else(|| self.tracker.leg_named(old?))?;
        let name = self.fields.last("Newname")?;
        if let Some(masked) = self.tracker.leg_named(&format!("{name}<MASQ>")) {
            self.tracker.taken_over(self.at, masked, leg);
        }
        self.tracker.renamed(leg, name);
        if name.ends_with("<ZOMBIE>") {
            self.tracker.left_behind(leg);
        }
        Some(())
    }

    pub(super) fn hangup(&mut self) -> Option<()> {
        let leg = self.known_leg()?;
        // An end is believed only of a channel whose name and id belong together.
        let named = self.fields.first("Channel").and_then(|it| self.tracker.leg_named(it));
        if named.is_some_and(|it| it != leg) {
            self.fields.forged = true;
            return None;
        }
        let cause = self.fields.number("Cause").and_then(|it| u16::try_from(it).ok());
        self.tracker.gone(self.at, leg, cause);
        Some(())
    }

    pub(super) fn hangup_request(&mut self) -> Option<()> {
        let leg = self.leg()?;
        self.tracker.hung_up(leg);
        Some(())
    }

    pub(super) fn hold(&mut self, on: bool) -> Option<()> {
        let leg = self.leg()?;
        self.tracker.hold(self.at, leg, on);
        Some(())
    }

    /// The only one who knows how long a call rang that was met in the middle.
    pub(super) fn cdr(&mut self) -> Option<()> {
        // It may come after the hang-up of the caller, but not after that of both.
        let leg = self.by("UniqueID", "DestinationChannel")?;
        let seconds = |key: &str| self.fields.last(key).and_then(seconds_of_day);
        let (start, answer) = (seconds("StartTime")?, seconds("AnswerTime")?);
        // Local time of the PBX, perhaps across midnight.
        let ring = (answer - start).rem_euclid(24 * 3600);
        self.tracker.rang_for(leg, ring * 1000);
        Some(())
    }
}

/// The time of day in `2026-11-20 10:51:32`, in seconds.
fn seconds_of_day(text: &str) -> Option<i64> {
    let mut parts = text.rsplit_once(' ')?.1.split(':').map(str::parse::<i64>);
    let mut next = || parts.next()?.ok();
    Some(next()? * 3600 + next()? * 60 + next()?)
}
