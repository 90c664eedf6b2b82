//! Tries settings out: connects once, logs in, and hangs up.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use call::{CallUpdate, Ids, Tracker, UnixMs};
use pbx::{Counters, DialOutcome, Link};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use super::{Driver, Pending, Sink, Status};

/// A phone system that takes longer than this to log us in and tell what is going on is as good
/// as unreachable for somebody who looks at a spinning button.
const PROBE_TIMEOUT: Duration = Duration::from_secs(20);

/// Gives what the phone system calls itself. Nothing that is heard meanwhile is stored.
///
/// # Errors
///
/// What is wrong and what to do, in plain words.
pub async fn probe(link: Link) -> Result<String, String> {
    let (stop, stopped) = watch::channel(false);
    let (_commands, no_commands) = mpsc::channel(1);
    let first = Arc::new(First { verdict: Mutex::new(None), stop });
    let driver = Driver {
        session: link.session,
        tracker: Tracker::new(link.tracker, Ids::new(0)),
        endpoint: link.endpoint,
        sink: Arc::clone(&first) as Arc<dyn Sink>,
        recorder: None,
        commands: no_commands,
        stop: stopped,
    };
    let finished = timeout(PROBE_TIMEOUT, driver.run()).await.is_ok();
    let verdict = first.verdict.lock().unwrap_or_else(PoisonError::into_inner).take();
    verdict.unwrap_or_else(|| {
        Err(if finished {
            "the connection ended without a word".to_owned()
        } else {
            format!("connected, but not logged in within {} s", PROBE_TIMEOUT.as_secs())
        })
    })
}

/// Remembers the first verdict and ends the link with it.
struct First {
    verdict: Mutex<Option<Result<String, String>>>,
    stop: watch::Sender<bool>,
}

impl Sink for First {
    fn updates(&self, _updates: Vec<CallUpdate>) -> Pending {
        Box::pin(std::future::ready(()))
    }

    fn status(&self, status: Status, _at: UnixMs) {
        let verdict = match status {
            Status::Up { version } => Ok(version),
            Status::Down { reason, advice, .. } if advice.is_empty() => Err(reason),
            Status::Down { reason, advice, .. } => Err(format!("{reason}; {advice}")),
            Status::Connecting | Status::Stopped => return,
        };
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(verdict);
        self.stop.send_replace(true);
    }

    fn counters(&self, _counters: Counters, _open_calls: usize) {}
    fn dialled(&self, _id: &str, _outcome: DialOutcome) {}
    fn notice(&self, _text: &str) {}
}
