//! The calls in progress, as of the last commit: kept in memory, since boards ask for them often
//! and history includes them.

use std::sync::{Arc, PoisonError, RwLock};

use call::{Call, CallId, State};
use rustc_hash::FxHashMap;

use crate::{OrgId, Result, db::Db, history};

/// The calls in progress of all organisations.
#[derive(Debug, Default)]
pub(crate) struct OpenCalls(RwLock<FxHashMap<u16, Calls>>);

type Calls = FxHashMap<CallId, Arc<Call>>;

impl OpenCalls {
    /// Reads what was open at the last commit.
    pub(crate) fn load(db: &mut Db) -> Result<OpenCalls> {
        let mut calls: FxHashMap<u16, Calls> = FxHashMap::default();
        let sql = "SELECT open_calls.organisation, events.body FROM open_calls \
                   JOIN events ON events.key = open_calls.last_event";
        db.each(sql, &[], &mut |row| {
            let call: Call = row.json(1)?;
            let organisation = u16::try_from(row.int(0)?).unwrap_or_default();
            calls.entry(organisation).or_default().insert(call.id.clone(), Arc::new(call));
            Ok(())
        })?;
        Ok(OpenCalls(RwLock::new(calls)))
    }

    /// Takes in what was committed, in order.
    pub(crate) fn apply<'a>(&self, news: impl Iterator<Item = (&'a OrgId, &'a Arc<Call>)>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (organisation, call) in news {
            let calls = all.entry(organisation.number()).or_default();
            if call.state == State::Ended {
                calls.remove(&call.id);
            } else {
                calls.insert(call.id.clone(), Arc::clone(call));
            }
        }
    }

    pub(crate) fn get(&self, organisation: &OrgId, id: &CallId) -> Option<Arc<Call>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.get(&organisation.number())?.get(id).cloned()
    }

    /// Those that `wanted` says, newest start first.
    pub(crate) fn select(
        &self,
        organisation: &OrgId,
        wanted: impl Fn(&Call) -> bool,
    ) -> Vec<Arc<Call>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let of_all = all.get(&organisation.number()).into_iter().flat_map(Calls::values);
        let mut calls: Vec<Arc<Call>> = of_all.filter(|it| wanted(it)).cloned().collect();
        drop(all);
        calls.sort_unstable_by(|a, b| history::position(b).cmp(&history::position(a)));
        calls
    }
}
