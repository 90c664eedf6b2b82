//! The least that a hub must do with an AMI stream: cut it into events, find the keys that matter,
//! keep a table of calls. Prints events per CPU second.
//!
//! From a socket (`--port`, as `amiserve` serves it) or from a file, which is what callgrind needs.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    time::Duration,
};

use anyhow::{Result, bail, ensure};
use clap::Parser;
use memchr::{memchr, memchr_iter, memmem};
use reference::{
    PATIENCE_S,
    ami::{BENCH_END, END},
    machine::cpu_time,
};
use rustc_hash::FxHashMap;

#[derive(Parser)]
struct Arguments {
    /// Port of `amiserve`.
    #[arg(long, required_unless_present = "file")]
    port: Option<u16>,
    /// Reads a file instead.
    #[arg(long)]
    file: Option<PathBuf>,
}

/// Bytes that are read at a time.
const READ_BYTES: usize = 256 * 1024;

#[derive(Default)]
struct Call {
    events: u32,
    answered: bool,
    from: Vec<u8>,
    to: Vec<u8>,
}

/// Where a key and its value stand in the buffer.
type Pair = (usize, usize, usize, usize);

#[derive(Default)]
struct Reader {
    pairs: Vec<Pair>,
    calls: FxHashMap<Vec<u8>, Call>,
    events: u64,
    ended: u64,
    /// Depends on everything that was kept, so that no work can be left out.
    sum: u64,
}

impl Reader {
    /// Takes the whole events of `bytes`; gives how many bytes they were.
    fn feed(&mut self, bytes: &[u8]) -> usize {
        let (mut consumed, mut line) = (0, 0);
        self.pairs.clear();
        for newline in memchr_iter(b'\n', bytes) {
            let end =
                if newline > line && bytes[newline - 1] == b'\r' { newline - 1 } else { newline };
            if end == line {
                self.event(bytes);
                self.pairs.clear();
                consumed = newline + 1;
            } else if let Some(colon) = memchr(b':', &bytes[line..end]) {
                let value = line + colon + 1;
                let value = if value < end && bytes[value] == b' ' { value + 1 } else { value };
                self.pairs.push((line, line + colon, value, end));
            }
            line = newline + 1;
        }
        consumed
    }

    fn event(&mut self, bytes: &[u8]) {
        self.events += 1;
        let [mut event, mut linked, mut unique, mut number, mut exten]: [&[u8]; 5] = [b""; 5];
        for &(key, key_end, value, value_end) in &self.pairs {
            let value = &bytes[value..value_end];
            match &bytes[key..key_end] {
                b"Event" => event = value,
                b"Linkedid" => linked = value,
                b"Uniqueid" => unique = value,
                b"CallerIDNum" => number = value,
                b"Exten" => exten = value,
                _ => {}
            }
        }
        match event {
            b"Newchannel" => {
                if !self.calls.contains_key(linked) {
                    let call = Call { from: number.into(), to: exten.into(), ..Call::default() };
                    self.calls.insert(linked.into(), call);
                }
                self.touch(linked, false);
            }
            b"BridgeEnter" => self.touch(linked, true),
            b"DialBegin" | b"DialEnd" | b"Newstate" | b"BridgeLeave" => self.touch(linked, false),
            b"Hangup" if unique == linked => {
                if let Some(call) = self.calls.remove(linked) {
                    self.ended += 1;
                    self.sum += u64::from(call.events)
                        + (call.from.len() + call.to.len()) as u64
                        + u64::from(call.answered);
                }
            }
            _ => {}
        }
    }

    fn touch(&mut self, linked: &[u8], answered: bool) {
        if let Some(call) = self.calls.get_mut(linked) {
            call.events += 1;
            call.answered |= answered;
        }
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut parser = Reader::default();
    let cpu_s = match (&arguments.file, arguments.port) {
        (Some(file), _) => {
            let bytes = std::fs::read(file)?;
            timed(|| from_memory(&mut parser, &bytes))?
        }
        (None, Some(port)) => {
            let socket = log_in(port)?;
            timed(|| from_socket(&mut parser, socket))?
        }
        (None, None) => bail!("--port or --file"),
    };
    println!(
        r#"{{"events":{},"calls_ended":{},"sum":{},"events_per_cpu_s":{:.0}}}"#,
        parser.events,
        parser.ended,
        parser.sum,
        parser.events as f64 / cpu_s
    );
    Ok(())
}

/// Runs `work`; gives the CPU seconds that it took.
fn timed(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let before = cpu_time();
    work()?;
    Ok((cpu_time() - before).as_secs_f64())
}

/// In windows, as a reader of a socket sees it.
fn from_memory(parser: &mut Reader, bytes: &[u8]) -> Result<()> {
    let mut offset = 0;
    while offset < bytes.len() {
        let consumed = parser.feed(&bytes[offset..bytes.len().min(offset + READ_BYTES)]);
        ensure!(consumed > 0, "an event longer than {READ_BYTES} bytes at {offset}");
        offset += consumed;
    }
    Ok(())
}

/// A connection that is logged in; the stream has not begun.
fn log_in(port: u16) -> Result<TcpStream> {
    let mut socket = TcpStream::connect(("127.0.0.1", port))?;
    socket.set_read_timeout(Some(Duration::from_secs(PATIENCE_S)))?;
    socket.write_all(b"Action: Login\r\nUsername: a\r\nSecret: b\r\nActionID: 1\r\n\r\n")?;
    let (mut seen, mut byte) = (Vec::new(), [0u8; 1]);
    while memmem::find(&seen, b"FullyBooted").is_none() || !seen.ends_with(END) {
        ensure!(socket.read(&mut byte)? == 1, "the phone system closed the connection");
        seen.push(byte[0]);
    }
    Ok(socket)
}

fn from_socket(parser: &mut Reader, mut socket: TcpStream) -> Result<()> {
    let mut buffer = vec![0u8; READ_BYTES];
    let mut filled = 0;
    loop {
        let count = socket.read(&mut buffer[filled..])?;
        ensure!(count > 0, "the stream ended without its end mark");
        filled += count;
        let at_end = buffer[..filled].ends_with(BENCH_END);
        let consumed = parser.feed(&buffer[..filled]);
        buffer.copy_within(consumed..filled, 0);
        filled -= consumed;
        if at_end {
            return Ok(());
        }
    }
}
