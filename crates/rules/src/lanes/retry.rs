//! When a delivery that did not get through is tried again, and when we give up.

use call::UnixMs;

/// The wait after the first failure, in milliseconds; it doubles with each further one.
pub const BACKOFF_FIRST_MS: i64 = 1_000;
/// The longest wait of our own choosing, in milliseconds: ten minutes, so that an endpoint that
/// is back gets what it missed soon, and a dead one costs next to nothing.
pub const BACKOFF_MS_MAX: i64 = 600_000;
/// The longest wait that we let an endpoint ask for (`Retry-After`), in milliseconds: a day. More
/// is a mistake on its side rather than a wish.
pub const RETRY_AFTER_MS_MAX: i64 = 86_400_000;

/// How an attempt went, as far as the order of things is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint has it.
    Delivered,
    /// Not now, maybe later: no connection, no answer in time, an error of the server.
    Unavailable,
    /// The endpoint asks for a pause, in milliseconds if it said how long. The pause holds for
    /// everything on its way to this integration.
    Throttled(Option<i64>),
    /// Trying again will not help.
    Refused,
}

/// What becomes of a delivery after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Done.
    Delivered,
    /// Comes up again then.
    RetryAt(UnixMs),
    /// To the dead letters; the lane goes on.
    GaveUp(GiveUp),
}

/// Why a delivery became a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GiveUp {
    /// The endpoint, or the rendering, refused it for good.
    Refused,
    /// It was older than the integration's give-up age.
    TooOld,
}

/// What follows from `outcome` at `now`, for a delivery tried `attempts` times (this one included)
/// that may be tried until `deadline`.
///
/// `chance` is random, from 0 up to 1; it spreads the retries of one failure over time.
#[must_use]
pub fn verdict(
    outcome: Outcome,
    attempts: u32,
    now: UnixMs,
    deadline: UnixMs,
    chance: f64,
) -> Verdict {
    let (at, may_be_earlier) = match outcome {
        Outcome::Delivered => return Verdict::Delivered,
        Outcome::Refused => return Verdict::GaveUp(GiveUp::Refused),
        Outcome::Unavailable | Outcome::Throttled(None) => {
            (now.plus_ms(backoff_ms(attempts, chance)), true)
        }
        // Never earlier than asked; the jitter comes on top.
        Outcome::Throttled(Some(wait)) => {
            let wait = wait.clamp(0, RETRY_AFTER_MS_MAX);
            (now.plus_ms(wait + jitter_ms(BACKOFF_FIRST_MS, chance)), false)
        }
    };
    if deadline <= now || (deadline < at && !may_be_earlier) {
        return Verdict::GaveUp(GiveUp::TooOld);
    }
    // The last try falls on the deadline itself rather than not at all.
    Verdict::RetryAt(at.min(deadline))
}

/// Doubles with each attempt up to [`BACKOFF_MS_MAX`]; jitter takes away up to half of it.
#[must_use]
pub fn backoff_ms(attempts: u32, chance: f64) -> i64 {
    let doublings = attempts.saturating_sub(1).min(30);
    let full = BACKOFF_FIRST_MS.saturating_mul(1 << doublings).min(BACKOFF_MS_MAX);
    full / 2 + jitter_ms(full / 2, chance)
}

/// A part of `span_ms` that `chance` chooses; chance out of range counts as its nearer end.
fn jitter_ms(span_ms: i64, chance: f64) -> i64 {
    // Spans are at most ten minutes, far within what f64 holds exactly; NaN becomes 0.
    (span_ms as f64 * chance.clamp(0.0, 1.0)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMs = UnixMs(1_000_000);
    const LATER: UnixMs = UnixMs(i64::MAX);

    #[test]
    fn the_wait_doubles_up_to_ten_minutes_and_jitter_halves_it_at_most() {
        let table = [(1, 500, 1000), (2, 1000, 2000), (5, 8000, 16_000), (11, 300_000, 600_000)];
        for (attempts, least, most) in table {
            assert_eq!(backoff_ms(attempts, 0.0), least, "{attempts}");
            assert_eq!(backoff_ms(attempts, 1.0), most, "{attempts}");
        }
        assert_eq!(backoff_ms(u32::MAX, 1.0), BACKOFF_MS_MAX);
        assert_eq!(backoff_ms(0, f64::NAN), BACKOFF_FIRST_MS / 2);
    }

    #[test]
    fn a_wish_to_wait_is_never_undercut() {
        for chance in [0.0, 0.5, 1.0] {
            let Verdict::RetryAt(at) =
                verdict(Outcome::Throttled(Some(120_000)), 1, NOW, LATER, chance)
            else {
                panic!("must be tried again");
            };
            assert!(NOW.plus_ms(120_000) <= at && at <= NOW.plus_ms(121_000), "{at:?}");
        }
    }

    #[test]
    fn a_wish_beyond_a_day_is_cut_to_a_day() {
        let verdict = verdict(Outcome::Throttled(Some(i64::MAX)), 1, NOW, LATER, 0.0);
        assert_eq!(verdict, Verdict::RetryAt(NOW.plus_ms(RETRY_AFTER_MS_MAX)));
    }

    #[test]
    fn the_last_try_falls_on_the_deadline() {
        let deadline = NOW.plus_ms(100);
        let unavailable = |now| verdict(Outcome::Unavailable, 9, now, deadline, 1.0);
        assert_eq!(unavailable(NOW), Verdict::RetryAt(deadline));
        assert_eq!(unavailable(deadline), Verdict::GaveUp(GiveUp::TooOld));
    }

    #[test]
    fn a_wish_to_wait_past_the_deadline_gives_up_rather_than_disobeys() {
        let verdict = verdict(Outcome::Throttled(Some(5000)), 1, NOW, NOW.plus_ms(1000), 0.0);
        assert_eq!(verdict, Verdict::GaveUp(GiveUp::TooOld));
    }

    #[test]
    fn a_refusal_is_final_however_young() {
        let verdict = verdict(Outcome::Refused, 1, NOW, LATER, 0.0);
        assert_eq!(verdict, Verdict::GaveUp(GiveUp::Refused));
    }
}
