//! The legs that are alive, found by key and by name.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::UnixMs;

/// One live leg. Good until the leg is gone; look it up again for each report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LegId(pub(super) u32);

/// Who is at the far end of a leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// A phone of ours.
    Extension(Box<str>),
    /// Somebody outside; the number that was dialled to reach them, where it is known.
    Outside(Option<Box<str>>),
    /// Nobody: the leg is plumbing of the phone system.
    Inner,
}

/// How far a leg has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LegState {
    /// It exists.
    New,
    /// Its person has dialled into the phone system.
    Calling,
    /// Its phone rings.
    Ringing,
    /// It has been answered.
    Up,
}

/// The person at a leg. Moves to another leg when the phone system replaces the body of a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Person {
    /// Never given twice by one tracker, so that it can be remembered after the leg is gone.
    pub(super) id: u32,
    pub(super) side: Side,
    pub(super) state: LegState,
    pub(super) number: Option<String>,
    pub(super) name: Option<String>,
    /// What the person dialled.
    pub(super) dialled: Option<String>,
    /// Has dialled in, rather than been dialled.
    pub(super) calling: bool,
    pub(super) rang: bool,
    pub(super) talked: bool,
    pub(super) held: bool,
    pub(super) queued: bool,
    pub(super) parked: bool,
}

impl Person {
    pub(super) fn is_human(&self) -> bool {
        self.side != Side::Inner
    }

    pub(super) fn extension(&self) -> Option<&str> {
        match &self.side {
            Side::Extension(extension) => Some(extension),
            Side::Outside(_) | Side::Inner => None,
        }
    }
}

/// What is known of how a dialled leg ended, beyond its cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DialEnd {
    /// It was answered.
    Answered,
    /// It was busy, or declined.
    Busy,
    /// It rang until the time was up.
    NoAnswer,
    /// The one who dialled gave up, or somebody else answered.
    Cancelled,
    /// The network could not carry it.
    Congestion,
    /// It could not be reached.
    Unavailable,
}

#[derive(Debug, Clone)]
pub(super) struct Leg {
    pub(super) key: Box<str>,
    pub(super) name: Box<str>,
    pub(super) group: u32,
    pub(super) born: UnixMs,
    pub(super) person: Person,
    /// The other half of an inner line.
    pub(super) pair: Option<u32>,
    pub(super) bridge: Option<u32>,
    /// Legs that it is joined with one by one.
    pub(super) links: Vec<u32>,
    pub(super) dialled_by: Option<u32>,
    /// When it was dialled.
    pub(super) dialled_at: Option<UnixMs>,
    pub(super) dial_end: Option<DialEnd>,
    /// The last link id that it was seen with.
    pub(super) link_id: Box<str>,
    /// Last snapshot that listed it, or the one that was under way when it was born.
    pub(super) confirmed: u32,
}

/// The most legs that are tracked at a time, against a flood of invented channels.
pub(super) const LEGS_MAX: usize = 100_000;

#[derive(Default)]
pub(super) struct Legs {
    slots: Vec<Option<Leg>>,
    free: Vec<u32>,
    by_key: FxHashMap<Box<str>, u32>,
    by_name: FxHashMap<Box<str>, u32>,
}

impl Legs {
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    #[inline]
    pub(super) fn get(&self, id: u32) -> Option<&Leg> {
        self.slots.get(id as usize)?.as_ref()
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: u32) -> Option<&mut Leg> {
        self.slots.get_mut(id as usize)?.as_mut()
    }

    pub(super) fn by_key(&self, key: &str) -> Option<u32> {
        self.by_key.get(key).copied()
    }

    pub(super) fn by_name(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    /// Every live leg, in the order of the slots.
    pub(super) fn ids(&self) -> impl Iterator<Item = u32> {
        self.slots.iter().zip(0u32..).filter(|(it, _)| it.is_some()).map(|(_, id)| id)
    }

    /// `None` when there are too many, or the key is taken.
    pub(super) fn insert(&mut self, leg: Leg) -> Option<u32> {
        if self.by_key.len() >= LEGS_MAX || self.by_key.contains_key(&leg.key) {
            return None;
        }
        let id = match self.free.pop() {
            Some(id) => id,
            None => {
                self.slots.push(None);
                u32::try_from(self.slots.len() - 1).ok()?
            }
        };
        self.by_key.insert(leg.key.clone(), id);
        if !leg.name.is_empty() {
            self.by_name.insert(leg.name.clone(), id);
        }
        self.slots[id as usize] = Some(leg);
        Some(id)
    }

    pub(super) fn remove(&mut self, id: u32) -> Option<Leg> {
        let leg = self.slots.get_mut(id as usize)?.take()?;
        self.by_key.remove(&leg.key);
        if self.by_name.get(&leg.name) == Some(&id) {
            self.by_name.remove(&leg.name);
        }
        self.free.push(id);
        Some(leg)
    }

    /// Gives a leg another name; whoever had it before keeps it but is no longer found by it.
    pub(super) fn rename(&mut self, id: u32, name: &str) {
        let Some(leg) = self.slots.get_mut(id as usize).and_then(Option::as_mut) else { return };
        if self.by_name.get(&leg.name) == Some(&id) {
            self.by_name.remove(&leg.name);
        }
        leg.name = name.into();
        self.by_name.insert(leg.name.clone(), id);
    }

    /// The person behind `from` goes on as `to`, and the other way round.
    pub(super) fn swap_persons(&mut self, from: u32, to: u32) {
        let (Some(Some(mut one)), Some(other)) =
            (self.slots.get_mut(from as usize).map(Option::take), self.get_mut(to))
        else {
            return;
        };
        std::mem::swap(&mut one.person, &mut other.person);
        self.slots[from as usize] = Some(one);
    }
}
