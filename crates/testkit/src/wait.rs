//! Waiting for something that another process does: looked at often, and never for ever.

use std::{future::Future, time::Duration};

use anyhow::{Result, anyhow};
use tokio::time::{Instant, sleep};

/// How often a condition is looked at; short beside anything a test waits for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Calls `look` until it gives something, and gives that back.
///
/// # Errors
///
/// After `limit`, with `what` in the message: what had been waited for.
pub async fn until<T, F>(what: &str, limit: Duration, mut look: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Option<T>>,
{
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = look().await {
            return Ok(found);
        }
        if end <= Instant::now() {
            return Err(anyhow!("waited {} s in vain: {what}", limit.as_secs_f64()));
        }
        sleep(LOOK_EVERY).await;
    }
}
