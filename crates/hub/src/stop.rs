//! How the parts of a hub are told to end.

use tokio::sync::watch;

/// Ready when the part is to stop, or when nobody is left who could say so.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone: nobody owns the part any more.
    let _ = stop.wait_for(|it| *it).await;
}
