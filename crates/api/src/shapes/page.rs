//! Lists, times, and what every list takes.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The most items that one page of a list holds; more would make slow answers of quick queries.
pub const PAGE_ITEMS_MAX: u32 = 500;
/// How many items a page holds when `limit` is not given.
pub const PAGE_ITEMS_DEFAULT: u32 = 50;

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Page<T> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// Give this as `after` to get the next page; `null` on the last one.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The same page with each item turned into something else.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}

/// Which page of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// How many items at most; 50 unless told.
    #[schemars(range(min = 1, max = 500))]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub after: Option<String>,
}

/// A point in time, RFC 3339 in UTC with milliseconds: the schema of [`call::UnixMs`].
pub struct Time;

impl JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time", "examples": ["2026-11-20T10:49:13.420Z"] })
    }
}

/// The name of an event type: the schema of [`call::EventKind`].
pub struct EventTypeName;

impl JsonSchema for EventTypeName {
    fn schema_name() -> Cow<'static, str> {
        "EventType".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = call::EventKind::ALL.iter().map(|it| it.name()).collect();
        json_schema!({ "type": "string", "enum": names })
    }
}
