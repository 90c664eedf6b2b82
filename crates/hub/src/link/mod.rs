//! The link to one phone system: moves bytes between a socket and a session, keeps the clock, and
//! dials again when the connection breaks. Written once for all kinds.

mod backlog;
mod backoff;
mod driver;
mod probe;
pub mod recorder;
mod transport;

pub use driver::{Driver, Pending, Sink, Status};
pub use probe::probe;
