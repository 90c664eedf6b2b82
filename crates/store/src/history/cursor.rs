//! Where a page of the history begins: behind one call, whatever has come or gone meanwhile.

use call::{Call, CallId};

use super::{ListError, position};

/// A place in the history; calls before it are on the next page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) place: i64,
    /// Calls at the same place with a smaller id belong to the next page.
    pub(super) id: CallId,
}

impl Cursor {
    pub(super) fn behind(call: &Call) -> Cursor {
        let (place, id) = position(call);
        Cursor { place, id: id.clone() }
    }

    /// A place where a search stopped: all calls at that place were looked at.
    pub(super) fn behind_place(place: i64) -> Cursor {
        Cursor { place, id: CallId(String::new()) }
    }

    /// Whether a call belongs to the pages that follow.
    pub(super) fn is_before(&self, call: &Call) -> bool {
        position(call) < (self.place, &self.id)
    }

    pub(super) fn parse(text: &str) -> Result<Cursor, ListError> {
        let (place, id) = text.split_once('-').ok_or(ListError::Cursor)?;
        let place = i64::from_str_radix(place, 16).map_err(|_| ListError::Cursor)?;
        Ok(Cursor { place, id: CallId(id.to_owned()) })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:x}-{}", self.place, self.id.0)
    }
}
