//! Telephone numbers: what is an extension, what is the number of somebody outside.
//!
//! The raw text that the phone system gave is always kept beside; see [`crate::Party`].

use serde::{Deserialize, Serialize};

/// Which dialled numbers are extensions of the phone system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extensions {
    /// Patterns in the manner of dial plans: `X` any digit, `Z` 1 to 9, `N` 2 to 9, `[2-4]` one of
    /// these, a final `.` one or more of anything, everything else itself. Empty: a number of two
    /// to six digits is an extension.
    patterns: Vec<String>,
}
