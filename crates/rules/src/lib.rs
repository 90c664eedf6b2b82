//! From an event to deliveries: which integrations want it, what is sent to them, signed how, and
//! in which order and when.
//!
//! Pure: no I/O, no clock, no randomness. Time comes in as [`call::UnixMs`], chance as a number.
//!
//! Filters over a call (direction, queue, outcome …) will join [`Plan`]; escapers for more places
//! join [`template`]; a breaker joins [`lanes`].

pub mod lanes;
mod plan;
pub mod signature;
pub mod template;

pub use plan::Plan;
