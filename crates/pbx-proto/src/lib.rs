//! Wire formats of phone systems, a module per protocol.
//!
//! Pure: decoders take bytes and give frames, encoders give bytes. No socket, no clock, no idea of
//! what a call is.

pub mod ami;
