//! Plays every recording of `fixtures/` and compares with what took place there.

mod properties;
mod recordings;
