-- The first schema. {key}, {text}, {blob} and {clustered} are spelt as each database wants them.
--
-- What is written with every event has as few pages as possible: `events` is keyed by a number
-- and has no other index; a call's events are listed in its row; deliveries have one index.

CREATE TABLE organisations (
    number {int} PRIMARY KEY,
    id {text} NOT NULL UNIQUE,
    name {text} NOT NULL UNIQUE,
    created_at {int} NOT NULL
);

-- Append-only. `key` begins with the organisation, see `key.rs`.
CREATE TABLE events (
    key {key} PRIMARY KEY,
    kind {text} NOT NULL,
    time {int} NOT NULL,
    sequence {int} NOT NULL,
    call {text},                  -- null for events of links
    body {text} NOT NULL          -- the call as it stood then, or the change of the link
);

-- Few rows, rewritten with each event. The call itself is in its last event.
CREATE TABLE open_calls (
    organisation {int} NOT NULL,
    id {text} NOT NULL,
    pbx {text} NOT NULL,
    last_event {int} NOT NULL,
    events {text} NOT NULL,       -- keys of its events, each followed by a comma
    memo {text} NOT NULL,
    PRIMARY KEY (organisation, id)
);

-- Written once, when a call has ended. `key` is the organisation and the number of the call, in
-- the order of their ends: see `history`.
CREATE TABLE calls (
    key {key} PRIMARY KEY,
    organisation {int} NOT NULL,
    id {text} NOT NULL,
    place {int} NOT NULL,         -- sorts by the start of the call
    events {text} NOT NULL,
    body {text} NOT NULL,
    UNIQUE (organisation, id)
);

-- The index of the history: for each 1,024 calls one row with their places, and one row for each
-- term that occurs among them with the calls that have it.
CREATE TABLE history_segments (
    key {key} PRIMARY KEY,        -- organisation and number of the segment
    newest {int} NOT NULL,
    oldest {int} NOT NULL,
    present {blob} NOT NULL,      -- which numbers are calls of the history
    places {blob} NOT NULL
);

CREATE TABLE history_terms (
    organisation {int} NOT NULL,
    term {text} NOT NULL,
    segment {int} NOT NULL,
    calls {blob} NOT NULL,
    PRIMARY KEY (organisation, term, segment)
) {clustered};

-- Integrations by the small number that deliveries know them by; kept when one is deleted.
CREATE TABLE delivery_targets (
    number {int} PRIMARY KEY,
    organisation {int} NOT NULL,
    id {text} NOT NULL,
    UNIQUE (organisation, id)
);

CREATE TABLE deliveries (
    event {int} NOT NULL,         -- begins with the organisation
    target {int} NOT NULL,
    status {int} NOT NULL,        -- 0 pending, 1 delivered, 2 dead, 3 cancelled
    attempts {int} NOT NULL,
    due_at {int},
    attempted_at {int},
    last_error {text},
    PRIMARY KEY (event, target)
) {clustered};
CREATE INDEX deliveries_by_target ON deliveries (target, status, event);

CREATE TABLE attempts (
    event {int} NOT NULL,
    target {int} NOT NULL,
    number {int} NOT NULL,
    started_at {int} NOT NULL,
    duration_ms {int} NOT NULL,
    status {int},
    error {text},
    request {text},
    response {text},
    PRIMARY KEY (event, target, number)
) {clustered};

CREATE TABLE config_entries (
    organisation {int} NOT NULL,
    shelf {text} NOT NULL,
    id {text} NOT NULL,
    name {text} NOT NULL,
    kind {text} NOT NULL,
    settings {text} NOT NULL,
    enabled {int} NOT NULL,
    revision {int} NOT NULL,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    PRIMARY KEY (organisation, shelf, id),
    UNIQUE (organisation, shelf, name)
);

CREATE TABLE users (
    organisation {int} NOT NULL,
    id {text} NOT NULL,
    email {text} NOT NULL UNIQUE, -- in the whole hub: it is what people log in with
    name {text} NOT NULL,
    role {text} NOT NULL,
    password_hash {text},
    enabled {int} NOT NULL,
    created_at {int} NOT NULL,
    PRIMARY KEY (organisation, id)
);

CREATE TABLE api_keys (
    organisation {int} NOT NULL,
    id {text} NOT NULL,
    name {text} NOT NULL,
    hash {text} NOT NULL UNIQUE,
    scopes {text} NOT NULL,
    created_at {int} NOT NULL,
    last_used_at {int},
    expires_at {int},
    PRIMARY KEY (organisation, id),
    UNIQUE (organisation, name)
);

CREATE TABLE sessions (
    hash {text} PRIMARY KEY,
    organisation {int} NOT NULL,
    user_id {text} NOT NULL,
    csrf {text} NOT NULL,
    created_at {int} NOT NULL,
    expires_at {int} NOT NULL
);

CREATE TABLE setup_token (
    one {int} PRIMARY KEY,        -- there is one row at most
    hash {text} NOT NULL,
    expires_at {int} NOT NULL
);

CREATE TABLE settings (
    organisation {int} NOT NULL,
    name {text} NOT NULL,
    value {text} NOT NULL,
    PRIMARY KEY (organisation, name)
);

CREATE TABLE audit (
    organisation {int} NOT NULL,
    id {text} NOT NULL,
    at {int} NOT NULL,
    actor {text} NOT NULL,
    action {text} NOT NULL,
    subject {text} NOT NULL,
    detail {text} NOT NULL,
    PRIMARY KEY (organisation, id)
);

CREATE TABLE idempotency_keys (
    organisation {int} NOT NULL,
    key {text} NOT NULL,
    request {text} NOT NULL,
    status {int},                 -- null while the request is being carried out
    body {text},
    expires_at {int} NOT NULL,
    PRIMARY KEY (organisation, key)
);

CREATE TABLE dials (
    organisation {int} NOT NULL,
    id {text} NOT NULL,
    state {text} NOT NULL,
    PRIMARY KEY (organisation, id)
);
