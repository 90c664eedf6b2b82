//! Where calls stand in the history: keys and the order of their starts.

use call::{Call, CallId};

use crate::OrgId;

/// Calls of one segment of the index: 2 to the power of this.
pub(super) const SEGMENT_BITS: u32 = 10;
/// Calls of one segment. More make rows of the index fewer and longer, and the calls that are not
/// in the index yet more; a thousand of those are read in a few milliseconds.
pub(super) const SEGMENT_CALLS: usize = 1 << SEGMENT_BITS;

/// Calls of one organisation are numbered with this many bits.
const NUMBER_BITS: u32 = 48;
/// Bits of a place that tell calls of the same millisecond apart.
const TIE_BITS: u32 = 20;

/// Sorts by the start of the call: milliseconds, then some bits of the id, so that two calls
/// nearly never share one. Fits 63 bits until the year 2248.
pub(crate) fn place(call: &Call) -> i64 {
    first_place(call.started_at) | i64::from(tie(&call.id))
}

/// The lowest place of calls that started at this time.
pub(super) fn first_place(time: call::UnixMs) -> i64 {
    time.0.clamp(0, (1 << (63 - TIE_BITS)) - 1) << TIE_BITS
}

/// The order of the history, oldest first, without ties.
pub(crate) fn position(call: &Call) -> (i64, &CallId) {
    (place(call), &call.id)
}

/// FNV-1a: the same in every version of the program, which hashes of the standard library are not.
fn tie(id: &CallId) -> u32 {
    let hash =
        id.0.bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash >> (32 - TIE_BITS)
}

/// The key of an ended call's row, or of a segment's row.
pub(crate) fn call_key(organisation: &OrgId, number: i64) -> i64 {
    i64::from(organisation.number()) << NUMBER_BITS | number
}

/// The first key of an organisation, in `calls` and `history_segments`, and the first behind it.
pub(super) fn all_keys(organisation: &OrgId) -> (i64, i64) {
    let first = call_key(organisation, 0);
    (first, first + (1 << NUMBER_BITS))
}

/// The number in the key of a row.
pub(super) fn number_of(key: i64) -> i64 {
    key & ((1 << NUMBER_BITS) - 1)
}

/// The segment that the call with this number belongs to.
pub(crate) fn segment_of(number: i64) -> i64 {
    number >> SEGMENT_BITS
}

/// Where in its segment the call with this number stands.
pub(super) fn slot_of(number: i64) -> usize {
    // At most `SEGMENT_CALLS`.
    (number & (SEGMENT_CALLS as i64 - 1)).unsigned_abs() as usize
}
