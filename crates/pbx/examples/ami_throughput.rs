//! AMI bytes to events of calls, without store and network around it: what the session and the
//! tracker cost by themselves.
//!
//! `ami_throughput --kind KIND --port P [--times N]` logs in at a stand-in for a phone system that streams
//! calls and ends with a mark (`amiserve` of `benches/reference`), N times one after the other, as
//! after as many broken connections. Prints counts, CPU time and memory as JSON.

#![expect(clippy::print_stdout, reason = "a program of the command line")]

use std::{
    error::Error,
    fs,
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, SystemTime},
};

use call::{EventKind, Ids, Tracker, UnixMs};
use pbx::{Link, Opening, Output, Session};

/// What the last event of a stream says.
const END_MARK: &[u8] = b"UserEvent: BenchEnd\r\n\r\n";
/// As much as `hub::link` reads at a time.
const READ_BYTES: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(120);

struct Arguments {
    kind: String,
    port: u16,
    times: u32,
}

#[derive(Default)]
struct Counts {
    updates: u64,
    ended: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { kind, port, times } = arguments()?;
    let kind = pbx::find(&kind).ok_or("no such kind of phone system")?;
    let settings = serde_json::json!({
        "host": "127.0.0.1", "port": port, "username": "bench", "secret": "bench", "country": "DE",
    });
    let opening = Opening { name: "bench".to_owned(), ids: Ids::new(1) };
    let Link { mut session, tracker, .. } = (kind.open)(&settings, opening)?;
    let mut tracker = Tracker::new(tracker, Ids::new(2));
    let mut counts = Counts::default();
    for _ in 0..times {
        listen(&mut *session, &mut tracker, port, &mut counts)?;
    }
    let frames = session.counters().frames;
    let cpu_s = cpu_seconds()?;
    println!(
        "{}",
        serde_json::json!({
            "frames": frames,
            "updates": counts.updates,
            "calls_ended": counts.ended,
            "open_calls": tracker.open_calls(),
            "cpu_s": cpu_s,
            "events_per_cpu_s": frames as f64 / cpu_s,
            "rss_kib": rss_kib()?,
        })
    );
    Ok(())
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut found = Arguments { kind: String::new(), port: 0, times: 1 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--kind" => found.kind = value,
            "--port" => found.port = value.parse()?,
            "--times" => found.times = value.parse()?,
            _ => return Err(format!("unknown: {word}").into()),
        }
    }
    Ok(found)
}

/// One connection, from the banner to the end mark.
fn listen(
    session: &mut dyn Session,
    tracker: &mut Tracker,
    port: u16,
    counts: &mut Counts,
) -> Result<(), Box<dyn Error>> {
    let mut socket = TcpStream::connect(("127.0.0.1", port))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut buffer = vec![0u8; READ_BYTES];
    let mut tail: Vec<u8> = Vec::new();
    session.connected(now(), tracker);
    while !tail.ends_with(END_MARK) {
        while let Some(output) = session.poll() {
            match output {
                Output::Send(bytes) => socket.write_all(&bytes)?,
                Output::GiveUp(why) => return Err(format!("{why:?}").into()),
                _ => {}
            }
        }
        let count = socket.read(&mut buffer)?;
        if count == 0 {
            return Err("the phone system closed the connection".into());
        }
        let bytes = &buffer[..count];
        session.received(bytes, now(), tracker);
        while let Some(update) = tracker.poll() {
            counts.updates += 1;
            counts.ended += u64::from(update.kind == EventKind::CallEnded);
        }
        tail.extend_from_slice(&bytes[count.saturating_sub(END_MARK.len())..]);
        tail.drain(..tail.len().saturating_sub(END_MARK.len()));
    }
    session.disconnected(now(), tracker);
    while session.poll().is_some() {} // Nobody is there any more.
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "outside the product, nobody hands the time in")]
fn now() -> UnixMs {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// CPU time of the only thread, from the kernel's accounting.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let text = fs::read_to_string("/proc/self/schedstat")?;
    let nanoseconds: f64 = text.split_whitespace().next().ok_or("no schedstat")?.parse()?;
    Ok(nanoseconds / 1e9)
}

fn rss_kib() -> Result<u64, Box<dyn Error>> {
    let text = fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find(|it| it.starts_with("VmRSS")).ok_or("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).ok_or("no VmRSS")?.parse()?)
}
