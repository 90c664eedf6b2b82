//! The only place that asks what time it is, and the only one that asks for chance.

use std::{future::pending, time::Duration};

use call::UnixMs;
use tokio::time::sleep;

/// The time now, by the machine's clock.
pub fn now() -> UnixMs {
    UnixMs(now_us() / 1000)
}

/// The same in microseconds since the epoch, for measurements.
#[expect(clippy::disallowed_methods, reason = "this is the place that asks")]
pub fn now_us() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    // A clock before 1970 is a machine without a clock: the epoch is as good as any answer.
    let us = since_epoch.map_or(0, |it| it.as_micros());
    i64::try_from(us).unwrap_or(i64::MAX)
}

/// 64 random bits from the operating system.
///
/// # Panics
///
/// When the operating system has no randomness to give: nothing safe can be done then.
pub fn random_u64() -> u64 {
    getrandom::u64().expect("the operating system gives random numbers")
}

/// Ready at a point in time; never without one.
pub async fn until(at: Option<UnixMs>) {
    match at {
        Some(at) => {
            let ms = at.0.saturating_sub(now().0);
            sleep(Duration::from_millis(u64::try_from(ms).unwrap_or(0))).await;
        }
        None => pending().await,
    }
}
