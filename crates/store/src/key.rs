//! Keys of events: 64-bit numbers that begin with the organisation and rise in commit order, and
//! the ids that stand for them outside.
//!
//! A key is 15 bits of the organisation's number, 32 bits of seconds since 2020 and a counter of
//! 16 bits. It is the row id of the SQLite table, so an event costs no index beside its row. The
//! id has the shape of [`call::Ids`]: milliseconds, counter and organisation, then the seed of the
//! database, which keeps the events of two hubs apart. A restored backup goes on with the time of
//! day, so it never gives an id a second time.

use std::ops::RangeInclusive;

use call::UnixMs;

use crate::OrgId;

/// 2020-01-01T00:00:00Z in seconds: the zero of a key's clock, which lasts until 2156.
const EPOCH_S: i64 = 1_577_836_800;
const COUNTER_BITS: u32 = 16;
const ORGANISATION_SHIFT: u32 = 32 + COUNTER_BITS;
/// Organisations that the keys of one database can tell apart.
pub(crate) const ORGANISATIONS_MAX: u16 = 0x7fff;

/// The keys that the events of `organisation` can have.
pub(crate) fn keys_of(organisation: &OrgId) -> RangeInclusive<i64> {
    let first = i64::from(organisation.number()) << ORGANISATION_SHIFT;
    first..=first | ((1 << ORGANISATION_SHIFT) - 1)
}

/// The number of the organisation that `key` belongs to.
pub(crate) fn organisation_of(key: i64) -> i64 {
    key >> ORGANISATION_SHIFT
}

/// Whether `key` belongs to `organisation`.
pub(crate) fn is_of(key: i64, organisation: &OrgId) -> bool {
    keys_of(organisation).contains(&key)
}

/// The first key that an event of `time` can have.
pub(crate) fn first_at(organisation: &OrgId, time: UnixMs) -> i64 {
    let seconds = (time.0.div_euclid(1000) - EPOCH_S).clamp(0, i64::from(u32::MAX));
    keys_of(organisation).start() | seconds << COUNTER_BITS
}

/// The key after `last`, for something that is committed at `now`. Runs ahead of the clock when
/// more than 65,536 come in a second or the clock stands still.
pub(crate) fn next(organisation: &OrgId, last: i64, now: UnixMs) -> i64 {
    first_at(organisation, now).max(last + 1)
}

/// The id of the event with this key.
pub(crate) fn id_of(key: i64, seed: u64) -> String {
    let counter = key & ((1 << COUNTER_BITS) - 1);
    let seconds = (key >> COUNTER_BITS) & 0xffff_ffff;
    let organisation = key >> ORGANISATION_SHIFT;
    let ms = (seconds + EPOCH_S) * 1000;
    let value = widen(ms) << 80
        | widen(counter) << 64
        | widen(organisation) << 48
        | u128::from(seed & SEED_MASK);
    encode(value)
}

const SEED_MASK: u64 = 0xffff_ffff_ffff;

/// The key that an id stands for; `None` if it is no id of an event, in whatever database.
pub(crate) fn of_id(id: &str) -> Option<i64> {
    let value = decode(id)?;
    let ms = narrow(value >> 80, 48)?;
    let counter = narrow(value >> 64, 16)?;
    let organisation = narrow(value >> 48, 16)?;
    let seconds = ms / 1000 - EPOCH_S;
    let sound = ms % 1000 == 0
        && (0..=i64::from(u32::MAX)).contains(&seconds)
        && organisation <= i64::from(ORGANISATIONS_MAX);
    sound.then_some(organisation << ORGANISATION_SHIFT | seconds << COUNTER_BITS | counter)
}

/// Where in the events of `organisation` an id stands: that of an event is its key, any other has
/// its time.
pub(crate) fn position_of(id: &str, organisation: &OrgId) -> i64 {
    let time = || decode(id).and_then(|it| narrow(it >> 80, 48)).map_or(UnixMs(0), UnixMs);
    match of_id(id) {
        Some(key) if is_of(key, organisation) => key,
        _ => first_at(organisation, time()),
    }
}

fn widen(part: i64) -> u128 {
    // Parts of a key are never negative.
    u128::from(part.unsigned_abs())
}

fn narrow(value: u128, bits: u32) -> Option<i64> {
    i64::try_from(value & ((1 << bits) - 1)).ok()
}

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

fn encode(mut value: u128) -> String {
    let mut out = [0u8; 26];
    for place in out.iter_mut().rev() {
        *place = ALPHABET[(value & 31) as usize];
        value >>= 5;
    }
    // Only letters and digits were put there.
    String::from_utf8_lossy(&out).into_owned()
}

/// What each byte is worth as a digit; 32 for those that are none.
const DIGITS: [u8; 256] = {
    let mut digits = [32; 256];
    let mut digit = 0;
    while digit < ALPHABET.len() {
        digits[ALPHABET[digit] as usize] = digit as u8;
        digit += 1;
    }
    digits
};

fn decode(text: &str) -> Option<u128> {
    if text.len() != 26 {
        return None;
    }
    text.bytes().try_fold(0u128, |value, byte| {
        let digit = DIGITS[usize::from(byte)];
        (digit < 32).then(|| value << 5 | u128::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMs = UnixMs(1_795_000_000_500);

    #[test]
    fn an_id_leads_back_to_its_key() {
        for number in [1, 7, ORGANISATIONS_MAX] {
            let organisation = OrgId::of_row(number, "o");
            let mut key = next(&organisation, 0, NOW);
            for _ in 0..70_000 {
                key = next(&organisation, key, NOW);
            }
            assert!(is_of(key, &organisation));
            assert_eq!(of_id(&id_of(key, u64::MAX)), Some(key), "{number}");
        }
    }

    #[test]
    fn ids_sort_like_keys_and_look_like_other_ids() {
        let organisation = OrgId::of_row(3, "o");
        let mut keys = vec![next(&organisation, 0, NOW)];
        for ms in [0, 0, 10_000, -60_000, 20_000] {
            keys.push(next(&organisation, *keys.last().expect("not empty"), NOW.plus_ms(ms)));
        }
        let ids: Vec<String> = keys.iter().map(|&it| id_of(it, 5)).collect();
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
        assert!(ids.iter().all(|it| call::Ids::check(it).is_ok()));
    }

    #[test]
    fn other_texts_lead_nowhere() {
        for text in ["", "7", "ZZZZZZZZZZZZZZZZZZZZZZZZZZ", "01k0000000000000000000000z"] {
            assert_eq!(of_id(text), None, "{text}");
        }
    }

    #[test]
    fn any_id_stands_somewhere_by_its_time() {
        let (a, b) = (OrgId::of_row(1, "a"), OrgId::of_row(2, "b"));
        let key = next(&a, 0, NOW);
        assert_eq!(position_of(&id_of(key, 1), &a), key);
        assert_eq!(position_of(&id_of(key, 1), &b), first_at(&b, NOW));
        assert_eq!(position_of(&call::Ids::new(9).next(NOW), &a), first_at(&a, NOW));
        assert_eq!(position_of("00000000000000000000000000", &a), *keys_of(&a).start());
    }

    #[test]
    fn keys_of_two_organisations_never_meet() {
        let (a, b) = (OrgId::of_row(1, "a"), OrgId::of_row(2, "b"));
        assert!(keys_of(&a).end() < keys_of(&b).start());
        assert!(!is_of(next(&a, 0, NOW), &b));
    }
}
