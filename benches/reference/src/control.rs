//! How `ssecli` makes a server broadcast: a TCP port that takes one byte per wish.
//!
//! `r`: a call starts to ring; its event goes to every client and carries [`mark`], the moment of
//! the wish. `h`: that call ends, which is one more event. The answer to both is one byte, once the
//! wish has been acted on.

/// A call rings.
pub const RING: u8 = b'r';
/// The call that rang last is hung up.
pub const HANG_UP: u8 = b'h';
/// Acted on.
pub const DONE: u8 = b'.';

/// What an event carries to say when its broadcast was asked for: a name, so that it passes through
/// a hub as the name of a caller.
#[must_use]
pub fn mark(now_us: u64) -> String {
    format!("t0={now_us}.")
}

/// The moment in the first [`mark`] of `text`, if there is a whole one.
#[must_use]
pub fn find_mark(text: &[u8]) -> Option<u64> {
    let start = memchr::memmem::find(text, b"t0=")? + 3;
    let digits = text[start..].iter().take_while(|it| it.is_ascii_digit());
    let (count, value) = digits.fold((0usize, 0u64), |(count, value), digit| {
        (count + 1, value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')))
    });
    (text.get(start + count) == Some(&b'.')).then_some(value)
}
