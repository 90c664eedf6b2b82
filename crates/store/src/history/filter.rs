//! What can be asked of the history.

use call::{Call, Direction, Outcome, State, UnixMs};

/// Filters of the call history. All that are given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Who called: a number in E.164, as the phone system wrote it, an extension, or (from seven
    /// digits on) the last digits of a number.
    pub from: Option<String>,
    /// Who was called, in the same forms.
    pub to: Option<String>,
    /// Either of them, in the same forms.
    pub number: Option<String>,
    /// Name of the phone system.
    pub pbx: Option<String>,
    /// The user whose call it is.
    pub user: Option<String>,
    /// An extension that rang, that talked, or whose call it is.
    pub extension: Option<String>,
    /// Who called whom.
    pub direction: Option<Direction>,
    /// How it went; open calls have none.
    pub outcome: Option<Outcome>,
    /// At this time or later.
    pub started_after: Option<UnixMs>,
    /// Before this time.
    pub started_before: Option<UnixMs>,
    /// Free text: beginnings of words in names, queues, users and extensions; whole numbers or
    /// their last digits, at least three. All words must be found.
    pub q: Option<String>,
    /// Only calls in this state: `Ended`, or those in progress.
    pub state: Option<State>,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// At most as many as were asked for. A page may be shorter than the limit although more
    /// follow, when few of very many rows match.
    pub items: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paging {
    /// [`Page::next`] of the page before; `None` for the first.
    pub after: Option<String>,
    /// Rows at most; at most [`PAGE_ROWS_MAX`] are given.
    pub limit: usize,
}

/// Rows on one page at most, as the contract says.
pub const PAGE_ROWS_MAX: usize = 500;

/// Why a list could not be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// The text given as `after` did not come from a page of this list.
    #[error("`after` is no cursor of this list: use `next` of the page before")]
    Cursor,
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] crate::StoreError),
}

/// A call with all that happened to it and all that was sent because of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// The call as it stands now.
    pub call: Call,
    /// Its events, in order.
    pub events: Vec<call::Event>,
    /// Its deliveries with their attempts, in the order of the events.
    pub deliveries: Vec<crate::DeliveryDetail>,
}
