//! The Asterisk Manager Interface: frames of `Key: value` lines over TCP.
//!
//! [`Decoder`] cuts a stream of bytes into frames without copying them again, [`Action`] writes
//! what we send. What real servers of version 1.4 to 22 put on the wire is wider than the
//! documentation: a banner without a blank line after it, extra blank lines, bare line feeds, lines
//! without a colon, raw command output, repeated keys, bytes that are no UTF-8. All of it is read;
//! nothing of it stops the stream.

mod action;
mod decoder;
mod frame;
mod text;

pub use action::{Action, ActionError};
pub use decoder::{Decoder, FRAME_BYTES_MAX, LINE_BYTES_MAX, LINES_MAX, Losses};
pub use frame::{Frame, FrameKind, Pair, Pairs};
pub use text::Charset;

#[cfg(test)]
mod tests;
