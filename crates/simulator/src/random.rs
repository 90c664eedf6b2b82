//! Chance that repeats itself: everything that looks random comes from a seed that is passed in.

/// A generator of the SplitMix64 family: small, quick, and good enough for choosing callers.
///
/// Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Equal seeds give equal sequences.
    #[must_use]
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    /// A number below `bound`; 0 for a bound of 0. The bias is below 2⁻³² for bounds of 32 bits.
    pub fn below(&mut self, bound: usize) -> usize {
        let wide = u128::from(self.bits()) * bound as u128;
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included; `low` when the two are the wrong way round.
    pub fn between(&mut self, low: u32, high: u32) -> u32 {
        let span = usize::try_from(high.saturating_sub(low)).unwrap_or(0);
        low + u32::try_from(self.below(span + 1)).unwrap_or(0)
    }

    /// Puts the entries into a random order.
    pub fn shuffle<T>(&mut self, entries: &mut [T]) {
        for last in (1..entries.len()).rev() {
            entries.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_repeat_and_bounds_hold() {
        let (mut one, mut other) = (Random::new(7), Random::new(7));
        for bound in 1..500 {
            let value = one.below(bound);
            assert_eq!(value, other.below(bound));
            assert!(value < bound);
            assert!((3..=9).contains(&one.between(3, 9)) && (3..=9).contains(&other.between(3, 9)));
        }
    }

    #[test]
    fn shuffling_keeps_every_entry() {
        let mut entries: Vec<u32> = (0..50).collect();
        Random::new(1).shuffle(&mut entries);
        assert_ne!(entries, (0..50).collect::<Vec<_>>());
        entries.sort_unstable();
        assert_eq!(entries, (0..50).collect::<Vec<_>>());
    }
}
