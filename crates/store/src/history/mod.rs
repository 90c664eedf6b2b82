//! The history of calls: open ones and ended ones, newest start first.
//!
//! Open calls are in memory, the last few that ended are read and looked at one by one, and all
//! others are found through an index of their own: see [`segments`].

mod cursor;
mod filter;
mod place;
mod prune;
mod search;
mod segments;
mod slots;
mod terms;
#[cfg(test)]
mod tests;

use std::{collections::HashSet, sync::Arc};

use call::{Call, CallId, State};

pub use filter::{CallFilter, ListError, PAGE_ROWS_MAX, Page, Paging, Timeline};
pub(crate) use place::{call_key, place, position, segment_of};
pub(crate) use prune::prune;
pub(crate) use segments::{next_call, reindex, seal, sealed_segments};

use crate::{
    OrgId, Result, Store,
    db::{Db, values},
};
use cursor::Cursor;
use search::Found;

impl Store {
    /// Calls, open ones included, newest start first. Calls that were merged into another one are
    /// left out.
    ///
    /// # Errors
    ///
    /// [`ListError::Cursor`] if `after` is none of [`Page::next`].
    pub async fn calls(
        &self,
        organisation: &OrgId,
        filter: CallFilter,
        paging: Paging,
    ) -> Result<Page<Arc<Call>>, ListError> {
        let after = paging.after.as_deref().map(Cursor::parse).transpose()?;
        let limit = paging.limit.clamp(1, PAGE_ROWS_MAX);
        let on_page = |call: &Call| after.as_ref().is_none_or(|it| it.is_before(call));
        // Taken before the database is read: a call that ends in between is found in both, and
        // one that ends later is found here.
        let open = self
            .inner
            .open
            .select(organisation, |call| on_page(call) && terms::matches(call, &filter));
        let ended = if filter.state.is_some_and(|it| it != State::Ended) {
            Found { calls: Vec::new(), stopped_at: None }
        } else {
            let organisation = organisation.clone();
            // Calls that share the cursor's place are read again, and left out below.
            let end = after.as_ref().map_or(i64::MAX, |it| it.place.saturating_add(1));
            let read = move |db: &mut Db| {
                db.snapshot(|db| search::search(db, &organisation, &filter, end, limit + 1))
            };
            self.inner.readers.read(read).await?
        };
        Ok(page(open, ended, limit, on_page))
    }

    /// One call, open or ended.
    pub async fn call(&self, organisation: &OrgId, id: &CallId) -> Result<Option<Arc<Call>>> {
        if let Some(call) = self.inner.open.get(organisation, id) {
            return Ok(Some(call));
        }
        let (organisation, id) = (organisation.clone(), id.clone());
        self.inner.readers.read(move |db| ended_call(db, &organisation, &id)).await
    }

    /// The calls in progress as of the last commit, newest first. Served from memory.
    #[must_use]
    pub fn open_calls(&self, organisation: &OrgId) -> Vec<Arc<Call>> {
        self.inner.open.select(organisation, |call| call.merged_into.is_none())
    }
}

fn ended_call(db: &mut Db, organisation: &OrgId, id: &CallId) -> Result<Option<Arc<Call>>> {
    let sql = "SELECT body FROM calls WHERE organisation = $1 AND id = $2";
    let values = values![i64::from(organisation.number()), id.0.as_str()];
    db.one(sql, values, |row| Ok(Arc::new(row.json(0)?)))
}

/// Puts open and ended calls together.
fn page(
    open: Vec<Arc<Call>>,
    ended: Found,
    limit: usize,
    on_page: impl Fn(&Call) -> bool,
) -> Page<Arc<Call>> {
    let seen: HashSet<CallId> = ended.calls.iter().map(|it| it.id.clone()).collect();
    let mut items: Vec<Arc<Call>> = open
        .into_iter()
        .filter(|it| !seen.contains(&it.id))
        // What lies behind the point where the search stopped belongs to a later page.
        .filter(|it| ended.stopped_at.is_none_or(|stop| stop <= place(it)))
        .chain(ended.calls.into_iter().filter(on_page).map(Arc::new))
        .collect();
    items.sort_unstable_by(|a, b| position(b).cmp(&position(a)));
    let next = if limit < items.len() {
        items.truncate(limit);
        items.last().map(|it| Cursor::behind(it))
    } else {
        ended.stopped_at.map(Cursor::behind_place)
    };
    Page { items, next: next.map(|it| it.to_string()) }
}
