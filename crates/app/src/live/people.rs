//! Who sits at which extension: made from the telephony groups whenever one changes.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use call::{Call, Event, Subject};

/// One user at one extension of one phone system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// Name of the phone system.
    pub pbx: String,
    /// The extension.
    pub extension: String,
    /// Name of the user.
    pub user: Arc<str>,
}

/// Who sits at which extension, in every organisation.
#[derive(Default)]
pub struct People {
    organisations: RwLock<HashMap<Arc<str>, Arc<Seats>>>,
}

/// Phone system, then extension, then the users there.
type Seats = HashMap<String, HashMap<String, Vec<Arc<str>>>>;

impl People {
    /// Replaces what is known of an organisation.
    pub fn set(&self, organisation: &str, seats: impl IntoIterator<Item = Seat>) {
        let mut made = Seats::new();
        for Seat { pbx, extension, user } in seats {
            let users = made.entry(pbx).or_default().entry(extension).or_default();
            if !users.contains(&user) {
                users.push(user);
            }
        }
        let mut all = self.organisations.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(organisation.into(), Arc::new(made));
    }

    /// The user at an extension; `None` when there is none, or when several share it.
    #[must_use]
    pub fn user_at(&self, organisation: &str, pbx: &str, extension: &str) -> Option<Arc<str>> {
        match self.seats(organisation)?.get(pbx)?.get(extension)?.as_slice() {
            [only] => Some(Arc::clone(only)),
            _ => None,
        }
    }

    /// Every user that an event concerns; see [`People::concerned_by`].
    #[must_use]
    pub fn concerned(&self, event: &Event) -> Vec<Arc<str>> {
        match &event.subject {
            Subject::Call(call) => self.concerned_by(&event.organisation, call),
            Subject::Link(_) => Vec::new(),
        }
    }

    /// Every user that a call concerns: whose extension rings, rang, talks or dials.
    #[must_use]
    pub fn concerned_by(&self, organisation: &str, call: &Call) -> Vec<Arc<str>> {
        let mut found: Vec<Arc<str>> = call.user.iter().map(|it| Arc::from(it.as_str())).collect();
        let Some(seats) = self.seats(organisation) else { return found };
        let Some(seats) = seats.get(&call.pbx) else { return found };
        let ends = [&call.from.number, &call.to.number, &call.extension, &call.answered_by];
        let extensions = call.rang.iter().chain(&call.parties).chain(ends.into_iter().flatten());
        for user in extensions.filter_map(|it| seats.get(it)).flatten() {
            if !found.contains(user) {
                found.push(Arc::clone(user));
            }
        }
        found
    }

    fn seats(&self, organisation: &str) -> Option<Arc<Seats>> {
        let all = self.organisations.read().unwrap_or_else(PoisonError::into_inner);
        all.get(organisation).cloned()
    }
}
