//! The statements of the hot path, as each database runs them fastest.

use crate::db::{Bulk, Column};

pub(super) const EVENTS: Bulk = Bulk {
    sqlite: "INSERT INTO events (key, kind, time, sequence, call, body) \
             VALUES ($1, $2, $3, $4, $5, $6)",
    postgres: "INSERT INTO events (key, kind, time, sequence, call, body) \
               SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], \
               $5::text[], $6::text[])",
    columns: &[Column::Int, Column::Text, Column::Int, Column::Int, Column::Text, Column::Text],
};

pub(super) const OPEN_CALLS: Bulk = Bulk {
    sqlite: "INSERT INTO open_calls (organisation, id, pbx, last_event, events, memo) \
             VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (organisation, id) DO UPDATE SET last_event = excluded.last_event, \
             events = open_calls.events || excluded.events, memo = excluded.memo",
    postgres: "INSERT INTO open_calls (organisation, id, pbx, last_event, events, memo) \
               SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], \
               $5::text[], $6::text[]) \
               ON CONFLICT (organisation, id) DO UPDATE SET last_event = excluded.last_event, \
               events = open_calls.events || excluded.events, memo = excluded.memo",
    columns: &[Column::Int, Column::Text, Column::Text, Column::Int, Column::Text, Column::Text],
};

pub(super) const ENDED_CALLS: Bulk = Bulk {
    sqlite: "INSERT INTO calls (key, organisation, id, place, events, body) \
             VALUES ($1, $2, $3, $4, coalesce((SELECT events FROM open_calls \
             WHERE organisation = $2 AND id = $3), '') || $5, $6) \
             ON CONFLICT (organisation, id) DO UPDATE SET \
             events = calls.events || excluded.events, body = excluded.body",
    postgres: "INSERT INTO calls (key, organisation, id, place, events, body) \
               SELECT new.key, new.organisation, new.id, new.place, \
               coalesce(open.events, '') || new.events, new.body \
               FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], \
               $6::text[]) AS new (key, organisation, id, place, events, body) \
               LEFT JOIN open_calls AS open \
               ON open.organisation = new.organisation AND open.id = new.id \
               ON CONFLICT (organisation, id) DO UPDATE SET \
               events = calls.events || excluded.events, body = excluded.body",
    columns: &[Column::Int, Column::Int, Column::Text, Column::Int, Column::Text, Column::Text],
};

pub(super) const NO_LONGER_OPEN: Bulk = Bulk {
    sqlite: "DELETE FROM open_calls WHERE organisation = $1 AND id = $2",
    postgres: "DELETE FROM open_calls AS open \
               USING unnest($1::bigint[], $2::text[]) AS old (organisation, id) \
               WHERE open.organisation = old.organisation AND open.id = old.id",
    columns: &[Column::Int, Column::Text],
};

pub(super) const DELIVERIES: Bulk = Bulk {
    sqlite: "INSERT INTO deliveries (event, target, status, attempts) VALUES ($1, $2, 0, 0)",
    postgres: "INSERT INTO deliveries (event, target, status, attempts) \
               SELECT event, target, 0, 0 \
               FROM unnest($1::bigint[], $2::bigint[]) AS new (event, target)",
    columns: &[Column::Int, Column::Int],
};

pub(super) const ATTEMPTS: Bulk = Bulk {
    sqlite: "INSERT INTO attempts (event, target, number, started_at, duration_ms, status, \
             error, request, response) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
             ON CONFLICT DO NOTHING",
    postgres: "INSERT INTO attempts (event, target, number, started_at, duration_ms, status, \
               error, request, response) SELECT * FROM unnest($1::bigint[], $2::bigint[], \
               $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::text[], \
               $9::text[]) ON CONFLICT DO NOTHING",
    columns: &[
        Column::Int,
        Column::Int,
        Column::Int,
        Column::Int,
        Column::Int,
        Column::Int,
        Column::Text,
        Column::Text,
        Column::Text,
    ],
};

/// A delivery that was cancelled while it was being tried stays so, unless it arrived.
pub(super) const OUTCOMES: Bulk = Bulk {
    sqlite: "UPDATE deliveries SET status = $3, attempts = $4, due_at = $5, attempted_at = $6, \
             last_error = $7 WHERE event = $1 AND target = $2 AND (status <> 3 OR $3 = 1)",
    postgres: "UPDATE deliveries AS old SET status = new.status, attempts = new.attempts, \
               due_at = new.due_at, attempted_at = new.attempted_at, \
               last_error = new.last_error \
               FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], \
               $6::bigint[], $7::text[]) AS new (event, target, status, attempts, due_at, \
               attempted_at, last_error) \
               WHERE old.event = new.event AND old.target = new.target \
               AND (old.status <> 3 OR new.status = 1)",
    columns: &[
        Column::Int,
        Column::Int,
        Column::Int,
        Column::Int,
        Column::Int,
        Column::Int,
        Column::Text,
    ],
};
