//! The language of Hookswitch: calls, the events of their lives, and the tracker that makes them
//! out of what a phone system says.
//!
//! Pure: no I/O, no clock, no randomness. Time comes in as [`UnixMs`], chance as a seed of
//! [`Ids`]. Everything else in the workspace translates into this language or out of it.

mod event;
mod id;
mod model;
pub mod number;
mod time;
pub mod tracker;

pub use event::{Event, EventKind, LinkChange, Subject, UnknownEventKind};
pub use id::{Ids, UnknownIdError};
pub use model::{
    Call, CallId, Direction, EndedBy, Outcome, Party, Recording, State, Transfer, TransferKind,
};
pub use time::UnixMs;
pub use tracker::{
    CallUpdate, DialEnd, LegId, LegState, Memo, NewLeg, Side, Tracker, TrackerSettings,
};
