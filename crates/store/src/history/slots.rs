//! A set of calls of one segment, and how it is stored.

use super::place::SEGMENT_CALLS;

const WORDS: usize = SEGMENT_CALLS / 64;
/// Length of the stored form that has a bit for each call.
const BITMAP_BYTES: usize = SEGMENT_CALLS / 8;
/// From this many on the bitmap is as short as the list.
const LIST_MAX: usize = BITMAP_BYTES / 2;

/// Some of the 1,024 calls of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Slots([u64; WORDS]);

impl Slots {
    /// The whole segment.
    pub(super) fn all() -> Slots {
        Slots([u64::MAX; WORDS])
    }

    pub(super) fn insert(&mut self, slot: usize) {
        if let Some(word) = self.0.get_mut(slot / 64) {
            *word |= 1 << (slot % 64);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|&it| it == 0)
    }

    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|it| it.count_ones() as usize).sum()
    }

    pub(super) fn union(&mut self, other: &Slots) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
    }

    pub(super) fn intersect(&mut self, other: &Slots) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= other;
        }
    }

    pub(super) fn subtract(&mut self, other: &Slots) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= !other;
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(index, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                if rest == 0 {
                    return None;
                }
                let bit = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                Some(index * 64 + bit)
            })
        })
    }

    /// A list of 16-bit numbers while that is shorter, else a bit for each call.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        if self.len() < LIST_MAX {
            // A slot is below 1,024.
            self.iter().flat_map(|it| (it as u16).to_le_bytes()).collect()
        } else {
            self.0.iter().flat_map(|it| it.to_le_bytes()).collect()
        }
    }

    /// Reads either form: only the bitmap has its length.
    pub(super) fn from_bytes(bytes: &[u8]) -> Slots {
        let mut slots = Slots::default();
        if bytes.len() == BITMAP_BYTES {
            for (word, bytes) in slots.0.iter_mut().zip(bytes.as_chunks::<8>().0) {
                *word = u64::from_le_bytes(*bytes);
            }
        } else {
            for pair in bytes.as_chunks::<2>().0 {
                slots.insert(u16::from_le_bytes(*pair).into());
            }
        }
        slots
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(slots: impl IntoIterator<Item = usize>) -> Slots {
        let mut set = Slots::default();
        slots.into_iter().for_each(|it| set.insert(it));
        set
    }

    #[test]
    fn both_stored_forms_lead_back() {
        for step in [1, 2, 15, 16, 17, 100, 1023, 5000] {
            let set = of((0..SEGMENT_CALLS).step_by(step));
            let bytes = set.to_bytes();
            assert_eq!(Slots::from_bytes(&bytes), set, "every {step}th, {} bytes", bytes.len());
            assert!(bytes.len() <= BITMAP_BYTES);
        }
        assert_eq!(Slots::from_bytes(&[]), Slots::default());
    }

    #[test]
    fn sets_meet_and_join() {
        let mut both = of([1, 64, 1023]);
        both.intersect(&of([64, 65, 1023]));
        assert_eq!(both.iter().collect::<Vec<_>>(), [64, 1023]);
        both.union(&of([0]));
        assert_eq!(both.iter().collect::<Vec<_>>(), [0, 64, 1023]);
    }
}
