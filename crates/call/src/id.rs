//! Ids that sort by creation.

use crate::UnixMs;

/// Makes ids: 26 characters of Crockford's base 32 that sort by the time of their creation.
///
/// Layout, as a ULID has it: 48 bits of milliseconds, then 80 bits that are unique to the maker:
/// 48 bits of the seed and a counter of 32 bits. Ids of one maker never repeat and always rise,
/// also when the clock steps back; two makers need different seeds.
#[derive(Debug, Clone)]
pub struct Ids {
    seed: u64,
    last_ms: u64,
    counter: u32,
}

/// A text that is not an id of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id: 26 letters and digits are expected")]
pub struct UnknownIdError;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl Ids {
    /// `seed` tells makers apart; its lowest 48 bits count. Give random bits in production, and a
    /// fixed number where the outcome must be the same every time (replay, tests).
    #[must_use]
    pub fn new(seed: u64) -> Ids {
        Ids { seed: seed & 0xffff_ffff_ffff, last_ms: 0, counter: 0 }
    }

    /// The next id, for something that came to be at `now`.
    pub fn next(&mut self, now: UnixMs) -> String {
        let ms = u64::try_from(now.0).unwrap_or(0).min(0xffff_ffff_ffff);
        // The counter stands before the seed, so that ids of one millisecond rise too.
        if ms > self.last_ms {
            self.last_ms = ms;
            self.counter = 0;
        } else if self.counter == u32::MAX {
            self.last_ms += 1;
            self.counter = 0;
        } else {
            self.counter += 1;
        }
        let value = (u128::from(self.last_ms) << 80)
            | (u128::from(self.counter) << 48)
            | u128::from(self.seed);
        encode(value)
    }

    /// Checks that `text` has the shape of an id, before it goes into a look-up.
    ///
    /// # Errors
    ///
    /// [`UnknownIdError`] for any other text.
    pub fn check(text: &str) -> Result<(), UnknownIdError> {
        let shaped = text.len() == 26 && text.bytes().all(|it| ALPHABET.contains(&it));
        if shaped { Ok(()) } else { Err(UnknownIdError) }
    }
}

fn encode(mut value: u128) -> String {
    let mut out = [0u8; 26];
    for place in out.iter_mut().rev() {
        *place = ALPHABET[(value & 31) as usize];
        value >>= 5;
    }
    out.iter().map(|&it| char::from(it)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_even_when_the_clock_steps_back() {
        let mut ids = Ids::new(7);
        let made: Vec<String> = [5, 5, 9, 3, 3, 10].map(|ms| ids.next(UnixMs(ms))).to_vec();
        assert!(made.is_sorted_by(|a, b| a < b), "{made:?}");
        assert!(made.iter().all(|it| Ids::check(it).is_ok()));
    }

    #[test]
    fn makers_with_different_seeds_never_meet() {
        assert_ne!(Ids::new(1).next(UnixMs(5)), Ids::new(2).next(UnixMs(5)));
    }

    #[test]
    fn other_texts_are_no_ids() {
        for text in ["", "7", "0123456789ABCDEFGHJKMNPQRSTU", "0123456789abcdefghjkmnpqrs"] {
            assert_eq!(Ids::check(text), Err(UnknownIdError), "{text}");
        }
    }
}
