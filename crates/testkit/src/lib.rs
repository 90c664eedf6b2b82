//! Harnesses for tests: the real program over a temporary folder, a client of its API, a real
//! browser, a real Asterisk, an endpoint on the far side.
//!
//! Every harness ends what it started when it is dropped. Whatever waits has a limit.

mod api;
mod browser;
mod far_end;
mod hub;
mod needs;
mod pushed;
mod real_pbx;
mod took_place;
mod wait;

pub use api::{Answer, Api};
pub use browser::{Browser, Look};
pub use far_end::{FarEnd, Received, Reply};
pub use hub::{HubSetup, TestHub};
pub use needs::{ASTERISK_16, ASTERISK_22, CHROMEDRIVER, POSTGRES, needs, skipped};
pub use pushed::Pushed;
pub use real_pbx::{Driver, RealPbx, Scenario};
pub use took_place::differences;
pub use wait::until;
