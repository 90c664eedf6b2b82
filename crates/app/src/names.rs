//! The names that people give to things.

use crate::error::{AppError, Result};

/// The most characters of a name: what fits a column of a table.
const NAME_CHARS_MAX: usize = 100;

/// Checks a name: it is read by people and written into files, addresses and logs.
pub(crate) fn check(name: &str) -> Result<()> {
    let complaint = if name.trim().is_empty() {
        "must not be empty"
    } else if name.trim() != name {
        "must not begin or end with a space"
    } else if name.chars().any(char::is_control) {
        "must not hold control characters"
    } else if name.chars().count() > NAME_CHARS_MAX {
        "must have at most 100 characters"
    } else {
        return Ok(());
    };
    Err(AppError::field("name", complaint))
}
