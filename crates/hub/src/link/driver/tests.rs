use std::sync::Mutex;

use call::{Ids, TrackerSettings};
use tokio::net::TcpListener;

use super::*;

/// A session that greets, counts what it hears, and gives up when it hears `X`.
#[derive(Default)]
struct Scripted {
    outputs: Vec<Output>,
    counters: Counters,
}

impl Session for Scripted {
    fn connected(&mut self, _now: UnixMs, _tracker: &mut Tracker) {
        self.outputs.push(Output::Send(b"hello".to_vec()));
    }

    fn received(&mut self, bytes: &[u8], _now: UnixMs, _tracker: &mut Tracker) {
        self.counters.bytes += bytes.len() as u64;
        if bytes.contains(&b'U') {
            self.outputs.push(Output::Up { version: "Test 1".to_owned() });
        }
        if bytes.contains(&b'X') {
            self.outputs.push(Output::GiveUp(GiveUp {
                reason: "wrong secret".to_owned(),
                advice: "check it".to_owned(),
                permanent: true,
            }));
        }
    }

    fn woken(&mut self, _now: UnixMs, _tracker: &mut Tracker) {}
    fn disconnected(&mut self, _now: UnixMs, _tracker: &mut Tracker) {}

    fn command(&mut self, command: Command, _now: UnixMs, _tracker: &mut Tracker) {
        if let Command::Dial { id, .. } = command {
            self.outputs.push(Output::DialOutcome { id, outcome: DialOutcome::Accepted });
        }
    }

    fn poll(&mut self) -> Option<Output> {
        (!self.outputs.is_empty()).then(|| self.outputs.remove(0))
    }

    fn counters(&self) -> Counters {
        self.counters
    }
}

/// Writes down what it is told; stops the link at the first word in `until`.
struct Log {
    said: Mutex<Vec<String>>,
    until: &'static str,
    stop: watch::Sender<bool>,
}

impl Log {
    fn say(&self, text: String) {
        if text.contains(self.until) {
            self.stop.send_replace(true);
        }
        self.said.lock().unwrap().push(text);
    }
}

impl Sink for Log {
    fn updates(&self, _updates: Vec<CallUpdate>) -> Pending {
        Box::pin(std::future::ready(()))
    }

    fn status(&self, status: Status, _at: UnixMs) {
        self.say(match status {
            Status::Connecting => "connecting".to_owned(),
            Status::Up { version } => format!("up {version}"),
            Status::Down { reason, advice, .. } => format!("down {reason} ({advice})"),
            Status::Stopped => "stopped".to_owned(),
        });
    }

    fn counters(&self, counters: Counters, _open_calls: usize) {
        self.say(format!("{} bytes", counters.bytes));
    }

    fn dialled(&self, id: &str, outcome: DialOutcome) {
        self.say(format!("dial {id} {outcome:?}"));
    }

    fn notice(&self, text: &str) {
        self.say(text.to_owned());
    }
}

/// Plays a phone system that sends `says` after our greeting, then closes if `closes`; gives what
/// the link told until the word `until` (and, in its order, what followed from the stop).
async fn told(says: &'static [u8], closes: bool, dial: bool, until: &'static str) -> Vec<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut greeting = [0u8; 5];
        stream.read_exact(&mut greeting).await.unwrap();
        assert_eq!(&greeting, b"hello");
        stream.write_all(says).await.unwrap();
        if !closes {
            // Reads until the link hangs up.
            while stream.read(&mut greeting).await.is_ok_and(|count| count > 0) {}
        }
    });
    let (stop, stopped) = watch::channel(false);
    let (commands, to_link) = mpsc::channel(1);
    if dial {
        let command = Command::Dial {
            id: "d1".to_owned(),
            extension: "201".to_owned(),
            number: "5".to_owned(),
            label: None,
        };
        commands.send(command).await.unwrap();
    }
    let log = Arc::new(Log { said: Mutex::default(), until, stop });
    let driver = Driver {
        session: Box::new(Scripted::default()),
        tracker: Tracker::new(TrackerSettings::default(), Ids::new(1)),
        endpoint: pbx::Endpoint { host: "127.0.0.1".to_owned(), port, tls: None },
        sink: Arc::clone(&log) as Arc<dyn Sink>,
        recorder: None,
        commands: to_link,
        stop: stopped,
    };
    driver.run().await;
    drop(commands);
    log.said.lock().unwrap().clone()
}

#[tokio::test]
async fn a_link_comes_up_and_stops_when_told() {
    let told = told(b"U", false, false, "up").await;
    assert_eq!(told, ["connecting", "up Test 1", "1 bytes", "stopped"]);
}

#[tokio::test]
async fn a_dial_request_goes_to_the_session_and_its_outcome_back() {
    let told = told(b"", false, true, "dial").await;
    assert_eq!(told, ["connecting", "dial d1 Accepted", "0 bytes", "stopped"]);
}

#[tokio::test]
async fn a_session_that_gives_up_says_why_and_what_to_do() {
    let told = told(b"X", false, false, "down").await;
    assert_eq!(told, ["connecting", "1 bytes", "down wrong secret (check it)", "stopped"]);
}

#[tokio::test]
async fn what_came_before_the_phone_system_hung_up_still_counts() {
    let told = told(b"abc", true, false, "down").await;
    assert_eq!(
        told,
        ["connecting", "3 bytes", "down the phone system closed the connection ()", "stopped"]
    );
}

#[tokio::test]
async fn a_dial_request_to_a_broken_link_is_refused_at_once() {
    let (stop, stopped) = watch::channel(false);
    let (commands, to_link) = mpsc::channel(1);
    let command =
        Command::Dial { id: "d2".into(), extension: "201".into(), number: "5".into(), label: None };
    commands.send(command).await.unwrap();
    let log = Arc::new(Log { said: Mutex::default(), until: "dial d2", stop });
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let driver = Driver {
        session: Box::new(Scripted::default()),
        tracker: Tracker::new(TrackerSettings::default(), Ids::new(1)),
        endpoint: pbx::Endpoint { host: "127.0.0.1".to_owned(), port: closed, tls: None },
        sink: Arc::clone(&log) as Arc<dyn Sink>,
        recorder: None,
        commands: to_link,
        stop: stopped,
    };
    driver.run().await;
    let said = log.said.lock().unwrap().join(" | ");
    assert!(said.contains("dial d2 Failed(\"the link to the phone system is down"), "{said}");
}
