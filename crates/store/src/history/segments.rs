//! The index of the history: written once for each 1,024 calls that have ended.
//!
//! Calls are numbered in the order of their ends, and 1,024 consecutive numbers are a segment.
//! When it is full it is sealed: each term that occurs in it gets one row with the calls that
//! have it. So nothing of the index is written while calls go on, one search reads at most one
//! short row per segment and term, and any combination of filters is an intersection of bits,
//! however rare or common each of them is.

use std::collections::BTreeMap;

use call::{Call, CallId};

use super::{
    place::{
        SEGMENT_BITS, SEGMENT_CALLS, all_keys, call_key, number_of, place, segment_of, slot_of,
    },
    slots::Slots,
    terms,
};
use crate::{
    OrgId, Result,
    db::{Bulk, Column, Db, Value, values},
};

/// The number of the call that ends next.
pub(crate) fn next_call(db: &mut Db, organisation: &OrgId) -> Result<i64> {
    let (first, end) = all_keys(organisation);
    let sql = "SELECT max(key) FROM calls WHERE key >= $1 AND key < $2";
    let last = db.one(sql, values![first, end], |row| row.opt_int(0))?.flatten();
    // Retention may have removed the calls of the last segment, but not its row.
    let sealed = sealed_segments(db, organisation)? << SEGMENT_BITS;
    Ok(last.map_or(0, |key| number_of(key) + 1).max(sealed))
}

/// How many segments are sealed.
pub(crate) fn sealed_segments(db: &mut Db, organisation: &OrgId) -> Result<i64> {
    let (first, end) = all_keys(organisation);
    let sql = "SELECT max(key) FROM history_segments WHERE key >= $1 AND key < $2";
    let last = db.one(sql, values![first, end], |row| row.opt_int(0))?.flatten();
    Ok(last.map_or(0, |key| number_of(key) + 1))
}

/// Writes the index of a segment that has become full.
pub(crate) fn seal(db: &mut Db, organisation: &OrgId, segment: i64) -> Result<()> {
    let mut present = Slots::default();
    let mut places = vec![0i64; SEGMENT_CALLS];
    let mut terms: BTreeMap<String, Slots> = BTreeMap::new();
    for (key, call) in calls_of(db, organisation, segment)? {
        if call.merged_into.is_some() {
            continue;
        }
        let slot = slot_of(number_of(key));
        present.insert(slot);
        places[slot] = place(&call);
        for term in terms::of_call(&call) {
            terms.entry(term).or_default().insert(slot);
        }
    }
    let newest = present.iter().map(|slot| places[slot]).max().unwrap_or(0);
    let oldest = present.iter().map(|slot| places[slot]).min().unwrap_or(0);
    let places: Vec<u8> = places.iter().flat_map(|it| it.to_le_bytes()).collect();
    let sql = "INSERT INTO history_segments (key, newest, oldest, present, places) \
               VALUES ($1, $2, $3, $4, $5)";
    let key = call_key(organisation, segment);
    let present = present.to_bytes();
    db.execute(sql, values![key, newest, oldest, &present[..], &places[..]])?;
    put_terms(db, organisation, segment, &terms)
}

/// All calls of a segment that are still there, with their keys.
pub(super) fn calls_of(
    db: &mut Db,
    organisation: &OrgId,
    segment: i64,
) -> Result<Vec<(i64, Call)>> {
    let first = call_key(organisation, segment << SEGMENT_BITS);
    let sql = "SELECT key, body FROM calls WHERE key >= $1 AND key < $2";
    let end = first + SEGMENT_CALLS as i64;
    db.all(sql, values![first, end], |row| Ok((row.int(0)?, row.json(1)?)))
}

fn put_terms(
    db: &mut Db,
    organisation: &OrgId,
    segment: i64,
    terms: &BTreeMap<String, Slots>,
) -> Result<()> {
    let rows: Vec<(&String, Vec<u8>)> =
        terms.iter().map(|(term, slots)| (term, slots.to_bytes())).collect();
    db.bulk(&TERMS, rows.len(), &|row, column| match column {
        0 => Value::Int(organisation.number().into()),
        1 => Value::Text(rows[row].0),
        2 => Value::Int(segment),
        _ => Value::Blob(&rows[row].1),
    })
}

const TERMS: Bulk = Bulk {
    sqlite: "INSERT INTO history_terms (organisation, term, segment, calls) \
             VALUES ($1, $2, $3, $4) \
             ON CONFLICT (organisation, term, segment) DO UPDATE SET calls = excluded.calls",
    postgres: "INSERT INTO history_terms (organisation, term, segment, calls) \
               SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bytea[]) \
               ON CONFLICT (organisation, term, segment) DO UPDATE SET calls = excluded.calls",
    columns: &[Column::Int, Column::Text, Column::Int, Column::Blob],
};

/// Adds what is new about an ended call to the index, if its segment is sealed already.
///
/// Terms that it does not have any more stay: whatever the index finds is checked.
pub(crate) fn reindex(db: &mut Db, organisation: &OrgId, call: &Call) -> Result<()> {
    let Some(number) = number(db, organisation, &call.id)? else { return Ok(()) };
    let segment = segment_of(number);
    if sealed_segments(db, organisation)? <= segment {
        return Ok(());
    }
    let mut terms = BTreeMap::new();
    let sql = "SELECT calls FROM history_terms \
               WHERE organisation = $1 AND term = $2 AND segment = $3";
    for term in terms::of_call(call) {
        let values = values![i64::from(organisation.number()), term.as_str(), segment];
        let stored = db.one(sql, values, |row| Ok(Slots::from_bytes(row.blob(0)?)))?;
        let mut slots = stored.unwrap_or_default();
        slots.insert(slot_of(number));
        terms.insert(term, slots);
    }
    put_terms(db, organisation, segment, &terms)
}

fn number(db: &mut Db, organisation: &OrgId, id: &CallId) -> Result<Option<i64>> {
    let sql = "SELECT key FROM calls WHERE organisation = $1 AND id = $2";
    let values = values![i64::from(organisation.number()), id.0.as_str()];
    db.one(sql, values, |row| Ok(number_of(row.int(0)?)))
}
