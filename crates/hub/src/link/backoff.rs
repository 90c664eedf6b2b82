//! When to dial a phone system again. Pure: chance comes in as an argument.

use std::time::Duration;

/// The first wait after a link broke.
const FIRST: Duration = Duration::from_secs(1);
/// The longest wait: an administrator who mends a PBX sees it within a minute.
const LONGEST: Duration = Duration::from_secs(60);
/// The wait after the PBX refused our credentials: trying faster gets the hub banned by the
/// guards (fail2ban) that sit on many of them.
const REFUSED: Duration = Duration::from_secs(300);

/// Counts failures in a row and says how long to wait.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The link worked: the next failure starts from the shortest wait again.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// How long to wait after one more failure. `permanent` when waiting alone will not mend it;
    /// `chance` is any number: it spreads the wait over half to whole of the step, so that many
    /// links to one PBX host do not come back in one instant.
    pub(super) fn failed(&mut self, permanent: bool, chance: u64) -> Duration {
        let step = if permanent {
            REFUSED
        } else {
            let doubled = FIRST.saturating_mul(1 << self.failures.min(10));
            self.failures = self.failures.saturating_add(1);
            doubled.min(LONGEST)
        };
        let millis = u64::try_from(step.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(millis / 2 + chance % (millis / 2 + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute_and_are_spread_over_their_upper_half() {
        let expected_s = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0];
        let mut backoff = Backoff::default();
        assert_eq!(expected_s.map(|_| backoff.failed(false, 0).as_secs_f64()), expected_s);
        let mut backoff = Backoff::default();
        for chance in 0..5_000 {
            let wait = backoff.failed(false, chance * 7919);
            assert!(wait <= LONGEST, "{wait:?}");
        }
    }

    #[test]
    fn success_starts_over() {
        let mut backoff = Backoff::default();
        for _ in 0..9 {
            backoff.failed(false, 0);
        }
        backoff.succeeded();
        assert_eq!(backoff.failed(false, 0), Duration::from_millis(500));
    }

    #[test]
    fn refused_credentials_wait_minutes() {
        assert_eq!(Backoff::default().failed(true, 0), Duration::from_secs(150));
    }
}
