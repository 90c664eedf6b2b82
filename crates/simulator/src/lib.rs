//! A phone system that lives in this process: it plays calls in the words of Asterisk 22 and speaks
//! AMI over TCP to whoever logs in.
//!
//! `hookswitch demo` shows the product with it, `hookswitch simulate` and the benchmarks make load
//! with it, and the fault tests compare what it has sent with what was stored.

pub mod business;
mod clock;
pub mod company;
pub mod profile;
pub mod random;
pub mod rights;
pub mod script;
mod server;

pub use clock::Clock;
pub use server::{Counts, Dialling, End, Pace, Settings, Simulator};
