//! Points in time as the product stores and shows them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
///
/// Serialised as RFC 3339 in UTC with three decimals, `2026-11-20T10:49:13.420Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixMs(pub i64);

impl UnixMs {
    /// This point in time, `ms` milliseconds later (or earlier, when negative).
    #[must_use]
    pub fn plus_ms(self, ms: i64) -> UnixMs {
        UnixMs(self.0.saturating_add(ms))
    }

    /// Seconds from `earlier` to this point, with milliseconds; 0 if `earlier` is later.
    #[must_use]
    pub fn seconds_since(self, earlier: UnixMs) -> f64 {
        // Call lengths are far below 2^53 ms, so nothing is lost in the conversion.
        (self.0.saturating_sub(earlier.0).max(0)) as f64 / 1000.0
    }
}

/// RFC 3339 with milliseconds. Years beyond 9999 do not occur: out of range prints as the epoch.
impl fmt::Display for UnixMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        static PRINTER: jiff::fmt::temporal::DateTimePrinter =
            jiff::fmt::temporal::DateTimePrinter::new().precision(Some(3));
        let at = jiff::Timestamp::from_millisecond(self.0).unwrap_or_default();
        PRINTER.print_timestamp(&at, jiff::fmt::StdFmtWrite(f)).map_err(|_| fmt::Error)
    }
}

impl Serialize for UnixMs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UnixMs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let at: jiff::Timestamp = text.parse().map_err(D::Error::custom)?;
        Ok(UnixMs(at.as_millisecond()))
    }
}
