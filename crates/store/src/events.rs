//! The event log: append-only, in the order of commits.

use call::{Call, CallId, Event, Memo};

use crate::{OrgId, PbxId, Result, Store, Timeline, unbuilt};

impl Store {
    /// Up to `limit` events after the one with the id `after`, oldest first; from the beginning
    /// of what is kept when `after` is `None`. An id that retention has removed works as well.
    pub async fn events_after(
        &self,
        organisation: &OrgId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Event>> {
        Err(unbuilt(&(organisation, after, limit)))
    }

    /// Id of the newest event, to begin a stream with what comes next.
    pub async fn last_event_id(&self, organisation: &OrgId) -> Result<Option<String>> {
        Err(unbuilt(organisation))
    }

    /// A call with its events, and its deliveries with their attempts.
    pub async fn call_timeline(
        &self,
        organisation: &OrgId,
        id: &CallId,
    ) -> Result<Option<Timeline>> {
        Err(unbuilt(&(organisation, id)))
    }

    /// The calls of a phone system that were open at the last commit, for `Tracker::restore`.
    pub async fn calls_to_restore(
        &self,
        organisation: &OrgId,
        pbx: &PbxId,
    ) -> Result<Vec<(Call, Memo)>> {
        Err(unbuilt(&(organisation, pbx)))
    }
}
