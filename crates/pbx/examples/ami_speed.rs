//! How fast AMI bytes become calls: reads a file of events and plays it N times through a session that
//! has logged in.
//!
//! `ami_speed KIND FILE [N]` prints events per CPU second, and what is left open. To count instructions:
//! `valgrind --tool=callgrind ami_speed KIND FILE`.

#![expect(clippy::print_stdout, reason = "a program of the command line")]

use std::{error::Error, fs, time::Instant};

use call::{Ids, Tracker, UnixMs};
use pbx::{Link, Opening, Output, Session};

/// As much as a socket gives at a time.
const READ_BYTES: usize = 64 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let usage = "usage: ami_speed KIND FILE [N]";
    let kind = words.next().and_then(|it| pbx::find(&it)).ok_or(usage)?;
    let file = words.next().ok_or(usage)?;
    let times: i64 = words.next().map_or(Ok(1), |it| it.parse())?;
    let bytes = fs::read(file)?;
    let settings = serde_json::json!({"host": "h", "username": "u"});
    let opening = Opening { name: "pbx".to_owned(), ids: Ids::new(1) };
    let Link { mut session, tracker, .. } = (kind.open)(&settings, opening)?;
    let mut tracker = Tracker::new(tracker, Ids::new(2));
    log_in(&mut *session, &mut tracker);
    let before = session.counters();
    let began = Instant::now();
    let mut updates = 0u64;
    for time in 0..times {
        for (portion, bytes) in (0i64..).zip(bytes.chunks(READ_BYTES)) {
            session.received(bytes, UnixMs(time * 1_000_000 + portion), &mut tracker);
            while tracker.poll().is_some() {
                updates += 1;
            }
            while session.poll().is_some() {}
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let counters = session.counters();
    let events = counters.frames - before.frames;
    println!(
        "{events} events in {seconds:.3} s: {:.0} events/s, {updates} updates, {} calls open, {} \
         entries; {counters:?}",
        events as f64 / seconds,
        tracker.open_calls(),
        tracker.entries(),
    );
    Ok(())
}

/// Answers what the session asks until it is up.
fn log_in(session: &mut dyn Session, tracker: &mut Tracker) {
    session.connected(UnixMs(0), tracker);
    session.received(b"X Call Manager/5.0.2\r\n", UnixMs(0), tracker);
    while let Some(output) = session.poll() {
        let Output::Send(bytes) = output else { continue };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let value = |key: &str| {
            let line = text.lines().find_map(|it| it.strip_prefix(key));
            line.unwrap_or_default().trim_start_matches(": ").to_owned()
        };
        let (name, id) = (value("Action"), value("ActionID"));
        let answer = match name.as_str() {
            "Challenge" => format!("Response: Success\r\nActionID: {id}\r\nChallenge: 1\r\n\r\n"),
            "Login" => format!(
                "Response: Success\r\nActionID: {id}\r\n\r\nEvent: FullyBooted\r\nStatus: x\r\n\r\n"
            ),
            "CoreShowChannels" | "BridgeList" => format!(
                "Response: Success\r\nActionID: {id}\r\nEventList: start\r\n\r\n\
                 Event: {}Complete\r\nActionID: {id}\r\nListItems: 0\r\n\r\n",
                name
            ),
            _ => format!("Response: Error\r\nActionID: {id}\r\nMessage: no\r\n\r\n"),
        };
        session.received(answer.as_bytes(), UnixMs(0), tracker);
    }
}
