//! Plays every recording of `fixtures/` and compares with what took place there.

mod clock;
mod hostile;
mod link;
mod properties;
mod recordings;
