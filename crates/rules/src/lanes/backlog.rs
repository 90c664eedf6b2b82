//! What is known of the deliveries that are in the store and not in memory.

use rustc_hash::FxHashSet;

/// How far the store has been read, and whether there is more behind that.
#[derive(Debug)]
pub(super) struct Backlog {
    /// All that waits in the store with an id up to this one is in memory.
    after: String,
    /// The highest id that came by, in memory or not.
    seen: String,
    /// Whether there may be more in the store, beyond `after`. While so, new deliveries are left
    /// there too, or else they would overtake.
    more: bool,
    /// Whether a reload has been asked for and has not come back.
    loading: bool,
    /// The highest id left in the store since then: the reload may have been too early to see it.
    left: Option<String>,
    /// Whether it must start from the oldest again although a reload is under way.
    rewound: bool,
    /// What was done since the reload began: it may have been read before.
    done: FxHashSet<String>,
}

impl Backlog {
    /// Whatever the store has, from the oldest.
    pub(super) fn unread() -> Backlog {
        Backlog {
            after: String::new(),
            seen: String::new(),
            more: true,
            loading: false,
            left: None,
            rewound: false,
            done: FxHashSet::default(),
        }
    }

    /// Whether a reload is under way: what it brings has its room reserved.
    pub(super) fn is_loading(&self) -> bool {
        self.loading
    }

    /// A delivery is done with, one way or the other.
    pub(super) fn finished(&mut self, id: &str) {
        if self.loading {
            self.done.insert(id.to_owned());
        }
    }

    /// Whether a delivery that a reload brings was done while it was under way.
    pub(super) fn is_done(&self, id: &str) -> bool {
        self.done.contains(id)
    }

    /// Whether a new delivery goes into memory, where there is `room` or not; if it does not, it is
    /// remembered to be in the store.
    pub(super) fn admits(&mut self, id: &str, room: bool) -> bool {
        if id <= self.seen.as_str() {
            return false; // Came with a reload already.
        }
        id.clone_into(&mut self.seen);
        if self.more || !room {
            self.more = true;
            self.left = Some(id.to_owned());
            return false;
        }
        id.clone_into(&mut self.after);
        true
    }

    /// Whether it is time for a reload, as far as the store is concerned.
    pub(super) fn wants_loading(&self) -> bool {
        self.more && !self.loading
    }

    /// A reload of what comes after the returned id is under way.
    pub(super) fn begin(&mut self) -> String {
        self.loading = true;
        self.left = None;
        self.done.clear();
        self.after.clone()
    }

    /// A reload is back: it gave all up to `last`, and there was `more` behind that.
    pub(super) fn loaded(&mut self, last: Option<&str>, more: bool) {
        self.loading = false;
        if std::mem::take(&mut self.rewound) {
            return;
        }
        if let Some(last) = last {
            if self.after.as_str() < last {
                last.clone_into(&mut self.after);
            }
            if self.seen.as_str() < last {
                last.clone_into(&mut self.seen);
            }
        }
        self.more = more || self.left.as_ref().is_some_and(|left| self.after < *left);
        if !self.more {
            self.after.clone_from(&self.seen);
        }
    }

    /// A reload did not come about.
    pub(super) fn failed(&mut self) {
        self.loading = false;
        self.rewound = false;
    }

    /// Starts from the oldest again: something that is not in memory waits once more.
    pub(super) fn rewind(&mut self) {
        self.after.clear();
        self.more = true;
        self.rewound = self.loading;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_through(last: Option<&str>) -> Backlog {
        let mut backlog = Backlog::unread();
        backlog.begin();
        backlog.loaded(last, false);
        backlog
    }

    #[test]
    fn nothing_is_admitted_before_the_store_was_read() {
        let mut backlog = Backlog::unread();
        assert!(!backlog.admits("5", true));
        assert_eq!(backlog.begin(), "");
    }

    #[test]
    fn what_is_committed_during_a_reload_is_asked_for_again() {
        let mut backlog = Backlog::unread();
        backlog.begin();
        assert!(!backlog.admits("5", true));
        backlog.loaded(Some("4"), false);
        assert!(backlog.wants_loading(), "5 was not among them");
        assert_eq!(backlog.begin(), "4");
        backlog.loaded(Some("5"), false);
        assert!(!backlog.wants_loading());
        assert!(backlog.admits("6", true));
    }

    #[test]
    fn what_a_reload_saw_is_not_taken_twice() {
        let mut backlog = read_through(Some("5"));
        assert!(!backlog.admits("5", true), "the message about its commit comes after the reload");
        assert!(!backlog.wants_loading());
    }

    #[test]
    fn once_one_is_left_all_later_ones_are_until_it_is_read() {
        let mut backlog = read_through(None);
        assert!(backlog.admits("1", true));
        assert!(!backlog.admits("2", false));
        assert!(!backlog.admits("3", true), "3 would overtake 2");
        assert_eq!(backlog.begin(), "1");
        backlog.loaded(Some("3"), false);
        assert!(backlog.admits("4", true));
    }

    #[test]
    fn a_rewind_during_a_reload_is_not_forgotten() {
        let mut backlog = read_through(Some("7"));
        assert!(!backlog.admits("8", false));
        assert_eq!(backlog.begin(), "7");
        backlog.rewind();
        backlog.loaded(Some("8"), false);
        assert!(backlog.wants_loading());
        assert_eq!(backlog.begin(), "");
        backlog.loaded(None, false);
        assert!(!backlog.wants_loading(), "an empty store ends it");
        assert!(backlog.admits("9", true));
    }
}
