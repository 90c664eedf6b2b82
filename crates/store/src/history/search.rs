//! Searching the ended calls: the index proposes, the calls themselves decide.

use std::{
    collections::{BinaryHeap, HashMap},
    ops::Range,
};

use call::Call;

use super::{
    CallFilter,
    place::{SEGMENT_BITS, all_keys, call_key, first_place, number_of, place},
    slots::Slots,
    terms::{self, Clause, Term},
};
use crate::{
    OrgId, Result,
    db::{Db, values},
};

/// Rows of the index that one word of free text may read. A beginning so common that it has more
/// does not narrow the search down: calls are then checked one by one, and it is found soon.
const PREFIX_ROWS_MAX: i64 = 20_000;
/// Calls that one page looks at, at most: bounds its time when conditions that the index cannot
/// narrow down hardly ever hold together. The page is then short, and the next one goes on.
const CALLS_READ_MAX: usize = 3_000;

/// What was found, newest first.
pub(super) struct Found {
    pub(super) calls: Vec<Call>,
    /// Place up to which the search has come, if it stopped before the end.
    pub(super) stopped_at: Option<i64>,
}

/// A sealed segment, without its calls.
struct Segment {
    number: i64,
    newest: i64,
}

/// Finds at least `count` ended calls (or all) that match and whose place is below `end`.
pub(super) fn search(
    db: &mut Db,
    organisation: &OrgId,
    filter: &CallFilter,
    end: i64,
    count: usize,
) -> Result<Found> {
    let places = bounds(filter, end);
    let mut heap = BinaryHeap::new();
    let mut segments = directory(db, organisation, &places)?;
    let tail = tail(db, organisation, filter, &places, &mut heap)?;
    let hits = hits(db, organisation, filter, &segments)?;
    segments.retain(|it| hits.contains_key(&it.number));
    segments.sort_unstable_by_key(|it| it.newest);
    let mut search =
        Search { db, organisation, filter, places, heap, segments, hits, tail, chunk: 2 };
    search.run(count)
}

/// The places that the filter's times and the page allow.
fn bounds(filter: &CallFilter, end: i64) -> Range<i64> {
    let start = filter.started_after.map_or(0, first_place);
    let before = filter.started_before.map_or(i64::MAX, first_place);
    start..before.min(end)
}

/// The sealed segments that have calls within `places`.
fn directory(db: &mut Db, organisation: &OrgId, places: &Range<i64>) -> Result<Vec<Segment>> {
    let (first, end) = all_keys(organisation);
    let sql = "SELECT key, newest FROM history_segments \
               WHERE key >= $1 AND key < $2 AND newest >= $3 AND oldest < $4";
    db.all(sql, values![first, end, places.start, places.end], |row| {
        Ok(Segment { number: number_of(row.int(0)?), newest: row.int(1)? })
    })
}

/// Reads the calls that are not in the index yet; those that match go into `heap`.
fn tail(
    db: &mut Db,
    organisation: &OrgId,
    filter: &CallFilter,
    places: &Range<i64>,
    heap: &mut BinaryHeap<(i64, i64)>,
) -> Result<HashMap<i64, Call>> {
    let sealed = super::segments::sealed_segments(db, organisation)?;
    let first = call_key(organisation, sealed << SEGMENT_BITS);
    let (_, end) = all_keys(organisation);
    let sql = "SELECT key, body FROM calls \
               WHERE key >= $1 AND key < $2 AND place >= $3 AND place < $4";
    let mut calls = HashMap::new();
    db.each(sql, values![first, end, places.start, places.end], &mut |row| {
        let call: Call = row.json(1)?;
        if terms::matches(&call, filter) {
            heap.push((place(&call), row.int(0)?));
            calls.insert(row.int(0)?, call);
        }
        Ok(())
    })?;
    Ok(calls)
}

/// For each segment the calls that all conditions propose.
fn hits(
    db: &mut Db,
    organisation: &OrgId,
    filter: &CallFilter,
    segments: &[Segment],
) -> Result<HashMap<i64, Slots>> {
    let mut hits: Option<HashMap<i64, Slots>> = None;
    if let (Some(first), Some(last)) =
        (segments.iter().map(|it| it.number).min(), segments.iter().map(|it| it.number).max())
    {
        for clause in terms::of_filter(filter) {
            let Some(found) = union(db, organisation, &clause, first, last)? else { continue };
            hits = Some(match hits {
                None => found,
                Some(earlier) => meet(earlier, &found),
            });
        }
    }
    match hits {
        Some(hits) => Ok(hits),
        // Nothing narrows the search down: any call may match.
        None => Ok(segments.iter().map(|it| (it.number, Slots::all())).collect()),
    }
}

fn meet(mut one: HashMap<i64, Slots>, other: &HashMap<i64, Slots>) -> HashMap<i64, Slots> {
    one.retain(|segment, slots| {
        let Some(other) = other.get(segment) else { return false };
        slots.intersect(other);
        !slots.is_empty()
    });
    one
}

/// The calls that have any of a condition's terms; `None` if they are too many to read.
fn union(
    db: &mut Db,
    organisation: &OrgId,
    clause: &Clause,
    first: i64,
    last: i64,
) -> Result<Option<HashMap<i64, Slots>>> {
    let mut found: HashMap<i64, Slots> = HashMap::new();
    let organisation = i64::from(organisation.number());
    for term in &clause.0 {
        let mut rows = 0;
        let mut add = |row: &crate::db::Row<'_>| {
            rows += 1;
            let slots = Slots::from_bytes(row.blob(1)?);
            found.entry(row.int(0)?).or_default().union(&slots);
            Ok(())
        };
        match term {
            Term::Exact(term) => {
                let sql = "SELECT segment, calls FROM history_terms WHERE organisation = $1 \
                           AND term = $2 AND segment >= $3 AND segment <= $4";
                let values = values![organisation, term.as_str(), first, last];
                db.each(sql, values, &mut add)?;
            }
            Term::Prefix(prefix) => {
                let sql = "SELECT segment, calls FROM history_terms WHERE organisation = $1 \
                           AND term >= $2 AND term < $3 AND segment >= $4 AND segment <= $5 \
                           LIMIT $6";
                let end = format!("{prefix}\u{10ffff}");
                let values = values![
                    organisation,
                    prefix.as_str(),
                    end.as_str(),
                    first,
                    last,
                    PREFIX_ROWS_MAX
                ];
                db.each(sql, values, &mut add)?;
                if rows == PREFIX_ROWS_MAX {
                    return Ok(None);
                }
            }
        }
    }
    Ok(Some(found))
}

/// A search under way.
struct Search<'a> {
    db: &'a mut Db,
    organisation: &'a OrgId,
    filter: &'a CallFilter,
    places: Range<i64>,
    /// Places and keys of calls that may match, the newest on top.
    heap: BinaryHeap<(i64, i64)>,
    /// Segments whose calls are not in `heap` yet, the one with the newest call last.
    segments: Vec<Segment>,
    hits: HashMap<i64, Slots>,
    /// Matching calls that were read already.
    tail: HashMap<i64, Call>,
    /// How many segments or calls are read at a time: doubled, so that a first page reads little
    /// and a rare one asks seldom.
    chunk: usize,
}

impl Search<'_> {
    fn run(&mut self, count: usize) -> Result<Found> {
        let mut calls: Vec<Call> = Vec::new();
        let mut read = 0;
        loop {
            let batch = self.next_batch(count.saturating_sub(calls.len()).max(16))?;
            let Some(&(last, _)) = batch.last() else {
                return Ok(Found { calls, stopped_at: None });
            };
            read += batch.len();
            self.read(&batch, &mut calls)?;
            let full = count <= calls.len() || CALLS_READ_MAX <= read;
            // Calls that share a place are given together, so that a page can end behind them.
            if full && self.heap.peek().is_none_or(|next| next.0 < last) {
                let ended = self.heap.is_empty() && self.segments.is_empty();
                return Ok(Found { calls, stopped_at: (!ended).then_some(last) });
            }
        }
    }

    /// Takes up to `count` calls off the heap, none of which a later segment can come before.
    fn next_batch(&mut self, count: usize) -> Result<Vec<(i64, i64)>> {
        let mut batch: Vec<(i64, i64)> = Vec::new();
        while batch.len() < count {
            let unread = self.segments.last().map(|it| it.newest);
            match (self.heap.peek(), unread) {
                (Some(top), Some(unread)) if top.0 <= unread => self.load_segments()?,
                (None, Some(_)) => self.load_segments()?,
                (None, None) => break,
                (Some(_), _) => batch.extend(self.heap.pop()),
            }
        }
        Ok(batch)
    }

    /// Puts the calls of the next segments on the heap.
    fn load_segments(&mut self) -> Result<()> {
        let rest = self.segments.len().saturating_sub(self.chunk);
        self.chunk = (self.chunk * 2).min(256);
        let keys: Vec<i64> =
            self.segments.drain(rest..).map(|it| call_key(self.organisation, it.number)).collect();
        let (heap, hits, places) = (&mut self.heap, &self.hits, &self.places);
        let organisation = self.organisation;
        let sql = "SELECT key, present, places FROM history_segments WHERE key {key}";
        self.db.each_of(sql, &keys, &mut |row| {
            let segment = number_of(row.int(0)?);
            let mut slots = hits.get(&segment).copied().unwrap_or_default();
            slots.intersect(&Slots::from_bytes(row.blob(1)?));
            let stored = row.blob(2)?.as_chunks::<8>().0;
            for slot in slots.iter() {
                let place = stored.get(slot).map_or(0, |it| i64::from_le_bytes(*it));
                if places.contains(&place) {
                    let number = (segment << SEGMENT_BITS) + slot as i64;
                    heap.push((place, call_key(organisation, number)));
                }
            }
            Ok(())
        })
    }

    /// Reads the calls of a batch, and keeps those that match, in the order of the batch.
    fn read(&mut self, batch: &[(i64, i64)], calls: &mut Vec<Call>) -> Result<()> {
        let mut found: HashMap<i64, Call> = HashMap::with_capacity(batch.len());
        let mut keys: Vec<i64> = Vec::with_capacity(batch.len());
        for &(_, key) in batch {
            match self.tail.remove(&key) {
                Some(call) => drop(found.insert(key, call)),
                None => keys.push(key),
            }
        }
        let filter = self.filter;
        self.db.each_of("SELECT key, body FROM calls WHERE key {key}", &keys, &mut |row| {
            let call: Call = row.json(1)?;
            if terms::matches(&call, filter) {
                found.insert(row.int(0)?, call);
            }
            Ok(())
        })?;
        calls.extend(batch.iter().filter_map(|(_, key)| found.remove(key)));
        Ok(())
    }
}
