//! Legs that belong together, and the call that they make.
//!
//! Joining two groups moves the members of the smaller one (weighted quick-find): each leg moves at
//! most log2 times, looking a group up is one step, and a leg can leave again, which a tree of
//! parents does not allow.

use serde::{Deserialize, Serialize};

use super::evidence::Evidence;
use crate::{Call, Transfer, UnixMs};

/// The most legs of one call. A queue that rings a whole department stays below; a group that grows
/// beyond would be a mistake or an attack, and joins nothing more.
pub(super) const MEMBERS_MAX: usize = 512;

/// The most entries of each list of a call (who rang, parties, transfers).
pub(super) const LIST_MAX: usize = 256;

#[derive(Default)]
pub(super) struct Group {
    pub(super) members: Vec<u32>,
    /// Link ids that lead to this group.
    pub(super) link_ids: Vec<Box<str>>,
    pub(super) evidence: Evidence,
    pub(super) open: Option<Box<Open>>,
    /// Met in the middle: times before are unknown.
    pub(super) estimated: bool,
    /// Kept without legs until a click-to-dial request has come to something.
    pub(super) awaits_legs: bool,
}

/// A call that has been started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Open {
    #[serde(skip, default = "no_call")]
    pub(super) call: Call,
    pub(super) sequence: u32,
    /// The person who called.
    pub(super) caller: Option<u32>,
    /// When the extensions of `rang` began to ring, and the order in which they were dialled.
    pub(super) rings: Vec<(UnixMs, u32)>,
    /// Pairs of people who have talked with each other, the lower one first.
    pub(super) met: Vec<(u32, u32)>,
    /// Extensions of people who have talked, by person.
    pub(super) talkers: Vec<(u32, Option<Box<str>>)>,
    pub(super) connected: bool,
    /// Since when nobody talks, and nothing is tried to change that.
    pub(super) idle_since: Option<UnixMs>,
    pub(super) held_since: Option<UnixMs>,
    pub(super) held_ms: i64,
    /// The one who asked for the hang-up first, since the last connection.
    pub(super) hung_up_by: Option<Hanger>,
    /// A blind transfer that was asked for and not begun.
    pub(super) pending: Option<Transfer>,
    /// When it was parked last.
    pub(super) parked_at: Option<UnixMs>,
    /// The extension that left the conversation last, and when.
    pub(super) last_left: Option<(Box<str>, UnixMs)>,
}

/// Who hung up first, as far as it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Hanger {
    Person(u32),
    Caller,
    Callee,
}

impl Open {
    /// Whether the call is just being parked, which some versions also report as a transfer.
    pub(super) fn parking(&self, at: UnixMs) -> bool {
        self.parked_at.is_some_and(|it| at.0 - it.0 <= PARKING_MS)
    }
}

/// Reports of parking and of the transfer that it is to the phone system come this close together.
const PARKING_MS: i64 = 500;

fn no_call() -> Call {
    Call::placeholder()
}

#[derive(Default)]
pub(super) struct Groups {
    slots: Vec<Option<Group>>,
    free: Vec<u32>,
    count: usize,
}

impl Groups {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    #[inline]
    pub(super) fn get(&self, id: u32) -> Option<&Group> {
        self.slots.get(id as usize)?.as_ref()
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: u32) -> Option<&mut Group> {
        self.slots.get_mut(id as usize)?.as_mut()
    }

    pub(super) fn open(&self, id: u32) -> Option<&Open> {
        self.get(id)?.open.as_deref()
    }

    pub(super) fn open_mut(&mut self, id: u32) -> Option<&mut Open> {
        self.get_mut(id)?.open.as_deref_mut()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = u32> {
        self.slots.iter().zip(0u32..).filter(|(it, _)| it.is_some()).map(|(_, id)| id)
    }

    pub(super) fn insert(&mut self, group: Group) -> u32 {
        self.count += 1;
        if let Some(id) = self.free.pop() {
            self.slots[id as usize] = Some(group);
            return id;
        }
        self.slots.push(Some(group));
        // There are no more groups than legs and requests, both of which are limited.
        u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
    }

    pub(super) fn remove(&mut self, id: u32) -> Option<Group> {
        let group = self.slots.get_mut(id as usize)?.take()?;
        self.free.push(id);
        self.count -= 1;
        Some(group)
    }
}
