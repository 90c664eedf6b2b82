//! The flight recorder: the last hours of raw bytes of one link, in the form that
//! `hookswitch replay` reads.
//!
//! One recording is three files: `NAME.ami` (the bytes), `NAME.times.jsonl` (when they came) and
//! `NAME.sent.jsonl` (what was sent meanwhile). Actions that carry credentials are left out. A new
//! recording begins with each connection and with each hour; the oldest go when the hours or the
//! bytes that were asked for are used up. A thread of its own writes: a slow disk costs a part of
//! the recording, which is counted, but never holds up a call.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread,
    time::Duration,
};

use call::UnixMs;

/// How many chunks may wait for the disk: some seconds of a busy PBX.
const WAITING_MAX: usize = 1024;
/// How long one recording gets before the next one begins.
const SEGMENT_MS: i64 = 3600 * 1000;
/// When nothing comes, what is buffered goes to the disk after this time.
const FLUSH_AFTER: Duration = Duration::from_secs(1);

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    /// The directory for the recordings of this link.
    pub directory: PathBuf,
    /// Recordings older than this go.
    pub hours: u32,
    /// The oldest recordings go beyond this many bytes.
    pub bytes_max: u64,
}

/// The handle of a link on its recorder.
#[derive(Debug)]
pub struct Recorder {
    to_writer: SyncSender<Entry>,
    left_out: u64,
}

#[derive(Debug)]
enum Entry {
    Connected(UnixMs),
    Received(Vec<u8>, UnixMs),
    Sent(Vec<u8>, UnixMs),
}

impl Recorder {
    /// Starts a recorder. The directory is made if it is not there.
    ///
    /// # Errors
    ///
    /// When the directory cannot be made or the thread not started.
    pub fn start(keep: Keep) -> io::Result<Recorder> {
        fs::create_dir_all(&keep.directory)?;
        let (to_writer, entries) = sync_channel(WAITING_MAX);
        thread::Builder::new().name("recorder".to_owned()).spawn(move || write(&keep, &entries))?;
        Ok(Recorder { to_writer, left_out: 0 })
    }

    /// A connection began.
    pub fn connected(&mut self, at: UnixMs) {
        self.put(Entry::Connected(at));
    }

    /// Bytes came.
    pub fn received(&mut self, bytes: &[u8], at: UnixMs) {
        self.put(Entry::Received(bytes.to_vec(), at));
    }

    /// Bytes were sent. Those with credentials are left out.
    pub fn sent(&mut self, bytes: &[u8], at: UnixMs) {
        if !carries_credentials(bytes) {
            self.put(Entry::Sent(bytes.to_vec(), at));
        }
    }

    fn put(&mut self, entry: Entry) {
        match self.to_writer.try_send(entry) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                // One line at the first loss, then at each power of two: not one a chunk.
                self.left_out += 1;
                if self.left_out.is_power_of_two() {
                    tracing::warn!(left_out = self.left_out, "the flight recorder cannot keep up");
                }
            }
        }
    }
}

/// Whether an action must not be kept: `Secret` of a plain log-in, `Key` of a challenged one.
fn carries_credentials(bytes: &[u8]) -> bool {
    let lower = bytes.to_ascii_lowercase();
    [b"secret:".as_slice(), b"key:".as_slice()].iter().any(|field| {
        lower.starts_with(field)
            || lower.windows(field.len() + 1).any(|it| it[0] == b'\n' && &it[1..] == *field)
    })
}

fn write(keep: &Keep, entries: &Receiver<Entry>) {
    let mut segment: Option<Segment> = None;
    loop {
        let outcome = match entries.recv_timeout(FLUSH_AFTER) {
            Ok(entry) => take(keep, &mut segment, entry),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                segment.as_mut().map_or(Ok(()), Segment::flush)
            }
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
        };
        if let Err(error) = outcome {
            tracing::warn!(%error, "the flight recorder cannot write");
            segment = None;
        }
    }
    if let Some(Err(error)) = segment.as_mut().map(Segment::flush) {
        tracing::warn!(%error, "the flight recorder cannot write");
    }
}

fn take(keep: &Keep, segment: &mut Option<Segment>, entry: Entry) -> io::Result<()> {
    let (Entry::Connected(at) | Entry::Received(_, at) | Entry::Sent(_, at)) = entry;
    let stale = segment.as_ref().is_none_or(|it| at.0 - it.began.0 >= SEGMENT_MS);
    if stale || matches!(entry, Entry::Connected(_)) {
        if let Some(old) = segment {
            old.flush()?;
        }
        *segment = Some(Segment::begin(&keep.directory, at)?);
        tidy(keep, at)?;
    }
    match (segment, entry) {
        (Some(segment), Entry::Received(bytes, at)) => segment.received(&bytes, at),
        (Some(segment), Entry::Sent(bytes, at)) => segment.sent(&bytes, at),
        _ => Ok(()),
    }
}

/// The three files of one recording.
struct Segment {
    began: UnixMs,
    offset: u64,
    bytes: BufWriter<File>,
    times: BufWriter<File>,
    sent: BufWriter<File>,
}

impl Segment {
    fn begin(directory: &Path, at: UnixMs) -> io::Result<Segment> {
        // Sorts by time and is a good file name everywhere: 20261120T104913420Z.
        let stem: String = at.to_string().chars().filter(|it| it.is_ascii_alphanumeric()).collect();
        let open = |extension: &str| {
            let path = directory.join(format!("{stem}.{extension}"));
            File::options().create(true).append(true).open(path).map(BufWriter::new)
        };
        Ok(Segment {
            began: at,
            offset: 0,
            bytes: open("ami")?,
            times: open("times.jsonl")?,
            sent: open("sent.jsonl")?,
        })
    }

    fn received(&mut self, bytes: &[u8], at: UnixMs) -> io::Result<()> {
        let ms = at.0 - self.began.0;
        writeln!(self.times, "{{\"offset\": {}, \"ms\": {ms}}}", self.offset)?;
        self.bytes.write_all(bytes)?;
        self.offset += bytes.len() as u64;
        Ok(())
    }

    fn sent(&mut self, bytes: &[u8], at: UnixMs) -> io::Result<()> {
        let line = serde_json::json!({
            "at_offset": self.offset,
            "ms": at.0 - self.began.0,
            "text": String::from_utf8_lossy(bytes),
        });
        writeln!(self.sent, "{line}")
    }

    fn flush(&mut self) -> io::Result<()> {
        self.bytes.flush()?;
        self.times.flush()?;
        self.sent.flush()
    }
}

/// Removes what is older than the hours asked for, and the oldest beyond the bytes asked for.
fn tidy(keep: &Keep, now: UnixMs) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(&keep.directory)? {
        let entry = entry?;
        let about = entry.metadata()?;
        if about.is_file() {
            files.push((entry.file_name(), about.len(), entry.path()));
        }
    }
    // Names begin with their time: the newest come first, and what is over the bytes is the oldest.
    files.sort_by(|a, b| b.0.cmp(&a.0));
    let oldest = now.plus_ms(-i64::from(keep.hours) * 3600 * 1000).to_string();
    let oldest: String = oldest.chars().filter(|it| it.is_ascii_alphanumeric()).collect();
    let mut total = 0u64;
    for (name, length, path) in files {
        total += length;
        if total > keep.bytes_max || name.to_string_lossy().as_ref() < oldest.as_str() {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
