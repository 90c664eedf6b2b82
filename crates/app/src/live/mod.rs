//! What is going on now, in memory: the state of the links, the health of the integrations, who
//! sits at which extension, and the committed events on their way to live subscribers.
//!
//! Nothing here must outlive the process: what must is in the store.

mod fan;
mod health;
mod links;
mod meters;
mod people;

pub use fan::{CUT_AFTER_EVENTS, Fan, Filter, LiveEvent, Next, Subscription};
pub use health::{Health, HealthChange};
pub use links::Links as LinkStates;
pub use meters::{Histogram, Meters};
pub use people::{People, Seat};

/// Everything that is going on now.
#[derive(Default)]
pub struct Live {
    /// The state of every link.
    pub links: LinkStates,
    /// The health of every integration.
    pub health: Health,
    /// What the hub has done since it started.
    pub meters: Meters,
    /// Who sits at which extension.
    pub people: People,
    /// Committed events on their way to subscribers.
    pub fan: Fan,
}
