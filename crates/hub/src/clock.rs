//! The only place that asks what time it is, and the only one that asks for chance.

use call::UnixMs;

/// The time now, by the machine's clock.
#[expect(clippy::disallowed_methods, reason = "this is the place that asks")]
pub fn now() -> UnixMs {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    // A clock before 1970 is a machine without a clock: the epoch is as good as any answer.
    let ms = since_epoch.map_or(0, |it| it.as_millis());
    UnixMs(i64::try_from(ms).unwrap_or(i64::MAX))
}

/// 64 random bits from the operating system.
///
/// # Panics
///
/// When the operating system has no randomness to give: nothing safe can be done then.
pub fn random_u64() -> u64 {
    getrandom::u64().expect("the operating system gives random numbers")
}
