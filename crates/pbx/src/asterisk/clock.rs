//! When something happened, by the hub's clock, although news of it may come late.
//!
//! With `timestampevents = yes` each event bears the time of the PBX. The smallest difference between
//! the two clocks that was ever seen is their offset plus the shortest way; what is more is delay.

use call::UnixMs;

/// A delay beyond this is no delay: one of the clocks was set.
const DELAY_MS_MAX: i64 = 60_000;

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Clock {
    offset_ms: Option<i64>,
    last: UnixMs,
}

impl Clock {
    /// The time of an event that was read at `now`. Never goes back, never lies in the future.
    pub(super) fn time(&mut self, now: UnixMs, timestamp: Option<&[u8]>) -> UnixMs {
        let at = timestamp.and_then(milliseconds).map_or(now, |stamp| {
            let offset = now.0 - stamp;
            let known = *self.offset_ms.get_or_insert(offset);
            if offset < known || offset > known + DELAY_MS_MAX {
                self.offset_ms = Some(offset);
                return now;
            }
            UnixMs(stamp + known)
        });
        // A clock of ours that was set back is followed.
        self.last = at.max(self.last).min(now);
        self.last
    }
}

/// Reads `1795172194.976646`.
fn milliseconds(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = seconds.parse().ok().filter(|it| (0..1 << 40).contains(it))?;
    let mut ms = 0;
    for place in 0..3 {
        let digit = fraction.as_bytes().get(place).copied().unwrap_or(b'0');
        ms = ms * 10 + i64::from(digit.checked_sub(b'0').filter(|it| *it <= 9)?);
    }
    Some(seconds * 1000 + ms)
}
