//! Removing old calls from the history and its index.

use std::collections::BTreeMap;

use call::{Call, UnixMs};

use super::{
    place::{SEGMENT_BITS, SEGMENT_CALLS, call_key, first_place, number_of, slot_of},
    segments::{calls_of, next_call, sealed_segments},
    slots::Slots,
    terms,
};
use crate::{
    OrgId, Result,
    db::{Db, values},
};

/// Removes the calls of a segment that started before `before`, and what the index has of them.
/// Gives how many, and the segment to go on with; `None` at the end.
pub(crate) fn prune(
    db: &mut Db,
    organisation: &OrgId,
    segment: i64,
    before: UnixMs,
) -> Result<Option<(u64, i64)>> {
    if next_call(db, organisation)? <= segment << SEGMENT_BITS {
        return Ok(None);
    }
    let calls = calls_of(db, organisation, segment)?;
    let count = calls.len();
    let old: Vec<(i64, Call)> =
        calls.into_iter().filter(|(_, call)| call.started_at < before).collect();
    if old.is_empty() {
        return Ok(Some((0, segment + 1)));
    }
    let sealed = sealed_segments(db, organisation)?;
    if segment < sealed {
        forget(db, organisation, segment, &old)?;
    }
    // The last segment stays, empty: the numbers of calls go on behind it.
    if old.len() == count && segment + 1 < sealed {
        let sql = "DELETE FROM history_segments WHERE key = $1";
        db.execute(sql, values![call_key(organisation, segment)])?;
    }
    let first = call_key(organisation, segment << SEGMENT_BITS);
    let sql = "DELETE FROM calls WHERE key >= $1 AND key < $2 AND place < $3";
    let values = values![first, first + SEGMENT_CALLS as i64, first_place(before)];
    Ok(Some((db.execute(sql, values)?, segment + 1)))
}

/// Takes calls out of the terms of their segment.
fn forget(db: &mut Db, organisation: &OrgId, segment: i64, old: &[(i64, Call)]) -> Result<()> {
    let mut terms: BTreeMap<String, Slots> = BTreeMap::new();
    for (key, call) in old {
        for term in terms::of_call(call) {
            terms.entry(term).or_default().insert(slot_of(number_of(*key)));
        }
    }
    let number = i64::from(organisation.number());
    let row = "WHERE organisation = $1 AND term = $2 AND segment = $3";
    for (term, gone) in &terms {
        let sql = format!("SELECT calls FROM history_terms {row}");
        let stored = db
            .one(&sql, values![number, term, segment], |row| Ok(Slots::from_bytes(row.blob(0)?)))?;
        let Some(mut left) = stored else { continue };
        left.subtract(gone);
        if left.is_empty() {
            let sql = format!("DELETE FROM history_terms {row}");
            db.execute(&sql, values![number, term, segment])?;
        } else {
            let sql = format!("UPDATE history_terms SET calls = $4 {row}");
            db.execute(&sql, values![number, term, segment, &left.to_bytes()[..]])?;
        }
    }
    Ok(())
}
