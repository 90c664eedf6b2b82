//! What the writer remembers between transactions, of each organisation.

use std::collections::HashMap;

use call::UnixMs;

use crate::{
    OrgId, Result,
    db::{Db, values},
    history, key,
};

/// Where each organisation's numbering stands. Read from the database once; from then on the
/// writer alone moves it.
pub(super) struct Ledger {
    clock: fn() -> UnixMs,
    numbering: HashMap<u16, Numbering>,
}

struct Numbering {
    organisation: OrgId,
    last_event: i64,
    /// Number of the call that ends next.
    next_call: i64,
    /// Segments of the history's index that are written.
    sealed: i64,
}

impl Ledger {
    pub(super) fn new(clock: fn() -> UnixMs) -> Ledger {
        Ledger { clock, numbering: HashMap::new() }
    }

    /// Reads up where an organisation stands, unless that is known.
    pub(super) fn load(&mut self, db: &mut Db, organisation: &OrgId) -> Result<()> {
        if self.numbering.contains_key(&organisation.number()) {
            return Ok(());
        }
        let keys = key::keys_of(organisation);
        let sql = "SELECT max(key) FROM events WHERE key >= $1 AND key <= $2";
        let last = db.one(sql, values![*keys.start(), *keys.end()], |row| row.opt_int(0))?;
        let numbering = Numbering {
            organisation: organisation.clone(),
            last_event: last.flatten().unwrap_or(*keys.start()),
            next_call: history::next_call(db, organisation)?,
            sealed: history::sealed_segments(db, organisation)?,
        };
        self.numbering.insert(organisation.number(), numbering);
        Ok(())
    }

    fn of(&mut self, organisation: &OrgId) -> &mut Numbering {
        self.numbering.get_mut(&organisation.number()).expect("loaded before the batch is built")
    }

    /// The key of the next event of `organisation`.
    pub(super) fn next_event(&mut self, organisation: &OrgId) -> i64 {
        let now = (self.clock)();
        let numbering = self.of(organisation);
        numbering.last_event = key::next(organisation, numbering.last_event, now);
        numbering.last_event
    }

    /// The key of the next call that ended.
    pub(super) fn next_call(&mut self, organisation: &OrgId) -> i64 {
        let numbering = self.of(organisation);
        numbering.next_call += 1;
        history::call_key(organisation, numbering.next_call - 1)
    }

    /// Writes the segments of the history's index that have become full.
    pub(super) fn seal(&mut self, db: &mut Db) -> Result<()> {
        for it in self.numbering.values_mut() {
            while history::segment_of(it.next_call) > it.sealed {
                db.transaction(|db| history::seal(db, &it.organisation, it.sealed))?;
                it.sealed += 1;
            }
        }
        Ok(())
    }
}
