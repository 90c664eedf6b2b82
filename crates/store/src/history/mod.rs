//! The history of calls: open ones and ended ones, newest first.

mod filter;

use std::sync::Arc;

use call::{Call, CallId};

pub use filter::{CallFilter, ListError, PAGE_ROWS_MAX, Page, Paging, Timeline};

use crate::{OrgId, Result, Store, unbuilt};

impl Store {
    /// Calls, open ones included, newest start first. Calls that were merged into another one are
    /// left out.
    pub async fn calls(
        &self,
        organisation: &OrgId,
        filter: CallFilter,
        paging: Paging,
    ) -> Result<Page<Arc<Call>>, ListError> {
        Err(unbuilt(&(organisation, filter, paging)).into())
    }

    /// One call, open or ended.
    pub async fn call(&self, organisation: &OrgId, id: &CallId) -> Result<Option<Arc<Call>>> {
        Err(unbuilt(&(organisation, id)))
    }

    /// The calls in progress as of the last commit, newest first. Served from memory.
    #[must_use]
    pub fn open_calls(&self, organisation: &OrgId) -> Vec<Arc<Call>> {
        let _ = organisation;
        Vec::new()
    }
}
