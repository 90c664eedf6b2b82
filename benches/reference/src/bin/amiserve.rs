//! A stand-in for a phone system: logs everybody in, answers the actions of a hub, and once nothing
//! has been asked for a while streams a file of `amigen` to it.
//!
//! `--calls-per-s` paces the stream by a timetable of calls; `--log FILE` then notes when each event
//! of interest was due. `--control` opens a port for `ssecli` (see `reference::control`).

use std::{
    fs::File,
    io::{BufWriter, ErrorKind, Read as _, Write},
    net::TcpStream,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use memchr::memmem;
use reference::{
    ami::{BANNER, END, answer, field},
    control::{DONE, HANG_UP, RING, mark},
    listen,
    machine::now_us,
};
use rustc_hash::FxHashMap;

#[derive(Parser, Clone)]
struct Arguments {
    /// Port; 0 takes any.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The stream; nothing is streamed without it.
    #[arg(long)]
    file: Option<PathBuf>,
    /// AMI events per second; 0: as fast as they are read.
    #[arg(long, default_value_t = 0.0)]
    rate: f64,
    /// Notes the due time of each event that a hub makes an event of: `µs kind caller-number`.
    #[arg(long)]
    log: Option<PathBuf>,
    /// Listens for wishes of `ssecli` at this port; 0 takes any.
    #[arg(long)]
    control: Option<u16>,
    /// How long after the last action the stream begins, in milliseconds.
    #[arg(long, default_value_t = 300)]
    quiet_ms: u64,
}

/// Bytes that are written at a time at full speed, cut at the end of an event.
const WRITE_BYTES: usize = 64 * 1024;

/// One client, and how far the stream to it has come.
struct Line {
    socket: TcpStream,
    sent: usize,
    last_action: Instant,
}

type Shared = Arc<Mutex<Option<Line>>>;

fn lock(shared: &Shared) -> MutexGuard<'_, Option<Line>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let stream = match &arguments.file {
        Some(path) => std::fs::read(path).with_context(|| path.display().to_string())?,
        None => Vec::new(),
    };
    let stream: Arc<[u8]> = stream.into();
    let line: Shared = Arc::default();
    let listener = listen(arguments.port)?;
    if let Some(port) = arguments.control {
        let wishes = listen(port)?;
        let line = line.clone();
        thread::spawn(move || {
            for socket in wishes.incoming().flatten() {
                _ = grant(socket, &line);
            }
        });
    }
    for socket in listener.incoming() {
        let socket = socket?;
        socket.set_nodelay(true)?;
        // A client that goes away is no reason to stop; the next one gets the stream again.
        if let Err(error) = serve(socket, &line, &stream, &arguments) {
            eprintln!("client gone: {error}");
        }
        *lock(&line) = None;
    }
    Ok(())
}

/// Speaks with one client until it goes away.
fn serve(mut socket: TcpStream, line: &Shared, stream: &Arc<[u8]>, how: &Arguments) -> Result<()> {
    socket.write_all(BANNER)?;
    let writer = socket.try_clone()?;
    *lock(line) = Some(Line { socket: writer, sent: 0, last_action: Instant::now() });
    let (mut buffer, mut portion, mut streaming) = (Vec::new(), [0u8; 4096], false);
    loop {
        let count = socket.read(&mut portion)?;
        ensure!(count > 0, "closed");
        buffer.extend_from_slice(&portion[..count]);
        while let Some(end) = memmem::find(&buffer, END) {
            let message = String::from_utf8_lossy(&buffer[..end]).into_owned();
            buffer.drain(..end + END.len());
            let mut line_now = lock(line);
            let Some(open) = line_now.as_mut() else { return Ok(()) };
            let text = answer(&message, || channels_up(&stream[..open.sent]));
            open.socket.write_all(text.as_bytes())?;
            open.last_action = Instant::now();
            let logged_in =
                field(&message, "action").is_some_and(|it| it.eq_ignore_ascii_case("login"));
            if logged_in && !streaming && !stream.is_empty() {
                streaming = true;
                let (line, stream, how) = (line.clone(), stream.clone(), how.clone());
                thread::spawn(move || {
                    if let Err(error) = play(&line, &stream, &how) {
                        eprintln!("stream: {error}");
                    }
                });
            }
        }
    }
}

/// Waits until the client has asked for nothing for a while, then streams.
fn play(line: &Shared, stream: &[u8], how: &Arguments) -> Result<()> {
    let quiet = Duration::from_millis(how.quiet_ms);
    loop {
        let Some(since) = lock(line).as_ref().map(|it| it.last_action.elapsed()) else {
            return Ok(());
        };
        if since >= quiet {
            break;
        }
        thread::sleep(quiet - since);
    }
    let mut log = how.log.as_ref().map(File::create).transpose()?.map(BufWriter::new);
    println!("stream begins {}", now_us());
    if how.rate > 0.0 {
        paced(line, stream, how.rate, &mut log)?;
    } else {
        let mut offset = 0;
        while offset < stream.len() {
            let end = whole_events(stream, offset);
            send(line, &stream[offset..end])?;
            offset = end;
        }
    }
    _ = log.as_mut().map(BufWriter::flush);
    println!("stream ends {}", now_us());
    Ok(())
}

/// Where a portion that begins at `offset` ends: [`WRITE_BYTES`] later, at the end of an event.
fn whole_events(stream: &[u8], offset: usize) -> usize {
    let limit = stream.len().min(offset + WRITE_BYTES);
    memmem::rfind(&stream[offset..limit], END).map_or(stream.len(), |at| offset + at + END.len())
}

fn send(line: &Shared, bytes: &[u8]) -> Result<()> {
    let mut line = lock(line);
    let open = line.as_mut().context("the client has gone")?;
    open.socket.write_all(bytes)?;
    open.sent += bytes.len();
    Ok(())
}

/// One event at a time, each when it is due, whatever became of the one before.
fn paced(line: &Shared, stream: &[u8], rate: f64, log: &mut Option<BufWriter<File>>) -> Result<()> {
    let (began, began_us) = (Instant::now(), now_us());
    let (mut offset, mut index) = (0, 0u64);
    while offset < stream.len() {
        let end = memmem::find(&stream[offset..], END).context("a cut event")? + offset + END.len();
        let due = Duration::from_secs_f64(index as f64 / rate);
        if let Some(wait) = due.checked_sub(began.elapsed()) {
            thread::sleep(wait);
        }
        let event = &stream[offset..end];
        send(line, event)?;
        if let Some(log) = log {
            let due_us = began_us + u64::try_from(due.as_micros()).unwrap_or(0);
            note(log, due_us, &String::from_utf8_lossy(event))?;
        }
        offset = end;
        index += 1;
    }
    Ok(())
}

/// Writes a line for an event that starts, rings, answers or ends a call.
fn note(log: &mut impl Write, due_us: u64, event: &str) -> Result<()> {
    let Some(name) = field(event, "event") else { return Ok(()) };
    let leads = field(event, "uniqueid") == field(event, "linkedid");
    let kind = match name {
        "Newchannel" if leads => "call.started",
        "Newstate" if field(event, "channelstate") == Some("5") => "call.ringing",
        "BridgeEnter" if field(event, "bridgenumchannels") == Some("2") => "call.answered",
        "Hangup" if leads => "call.ended",
        _ => return Ok(()),
    };
    let key = if leads { "calleridnum" } else { "connectedlinenum" };
    writeln!(log, "{due_us} {kind} {}", field(event, key).unwrap_or_default())?;
    Ok(())
}

/// The channels that are up after `sent`: the lines of their last event without its head.
fn channels_up(sent: &[u8]) -> Vec<String> {
    let mut up: FxHashMap<String, String> = FxHashMap::default();
    let mut offset = 0;
    while let Some(length) = memmem::find(&sent[offset..], END) {
        let event = String::from_utf8_lossy(&sent[offset..offset + length]);
        offset += length + END.len();
        let Some(unique) = field(&event, "uniqueid") else { continue };
        match field(&event, "event") {
            Some("Newchannel") => {
                let block = event.lines().skip(4).map(|it| format!("{it}\r\n")).collect();
                up.insert(unique.to_owned(), block);
            }
            Some("Hangup") => drop(up.remove(unique)),
            _ => {}
        }
    }
    up.into_values().collect()
}

/// Acts on the wishes of one `ssecli`.
fn grant(mut socket: TcpStream, line: &Shared) -> Result<()> {
    socket.set_nodelay(true)?;
    let (mut wish, mut count) = ([0u8; 1], 0u64);
    loop {
        match socket.read_exact(&mut wish) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            read => read?,
        }
        let event = match wish[0] {
            RING => {
                count += 1;
                channel_event("Newchannel", count, "", &mark(now_us()))
            }
            HANG_UP => channel_event("Hangup", count, "Cause: 16\r\nCause-txt: Normal\r\n", ""),
            _ => continue,
        };
        send(line, event.as_bytes())?;
        socket.write_all(&[DONE])?;
    }
}

/// An event of the only channel of call `count`.
fn channel_event(name: &str, count: u64, more: &str, display: &str) -> String {
    let id = format!("1767400000.{count}");
    format!(
        "Event: {name}\r\nPrivilege: call,all\r\nChannel: PJSIP/trunk-sse-{count:08x}\r\n\
         ChannelState: 4\r\nChannelStateDesc: Ring\r\nCallerIDNum: +491511234567\r\n\
         CallerIDName: {display}\r\nConnectedLineNum: <unknown>\r\n\
         ConnectedLineName: <unknown>\r\nLanguage: en\r\nAccountCode: \r\nContext: from-trunk\r\n\
         Exten: 2001\r\nPriority: 1\r\nUniqueid: {id}\r\nLinkedid: {id}\r\n{more}\r\n"
    )
}
