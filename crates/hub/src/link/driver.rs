//! Drives one session: the loop between socket, clock, commands and the store.

use std::{future::pending, pin::Pin, sync::Arc, time::Duration};

use call::{CallUpdate, Tracker, UnixMs};
use pbx::{Command, Counters, DialOutcome, GiveUp, Output, Session};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::{mpsc, watch},
    time::{sleep, timeout},
};

use super::{
    backlog::Backlog,
    backoff::Backoff,
    recorder::Recorder,
    transport::{self, Socket},
};
use crate::{clock, stop::stopped};

/// The most that one read takes, in bytes.
const READ_BYTES: usize = 64 * 1024;
/// How long a phone system may take to accept what we write: actions are short, so a PBX that
/// does not take them is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// A future without a name.
pub type Pending = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where a link's news go.
pub trait Sink: Send + Sync {
    /// Hands events over to be stored. Done when there was room for them: that is the back-pressure
    /// that reaches the socket.
    fn updates(&self, updates: Vec<CallUpdate>) -> Pending;
    /// The state of the link has changed.
    fn status(&self, status: Status, at: UnixMs);
    /// What the session has counted so far; called about once a second while bytes flow.
    fn counters(&self, counters: Counters, open_calls: usize);
    /// What became of a click-to-dial request.
    fn dialled(&self, id: &str, outcome: DialOutcome);
    /// Something that an administrator should read.
    fn notice(&self, text: &str);
}

/// How a link is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Dialling, logging in or comparing the snapshot.
    Connecting,
    /// Works.
    Up {
        /// What the phone system calls itself.
        version: String,
    },
    /// Broken; dialled again by itself.
    Down {
        /// What is wrong, in plain words.
        reason: String,
        /// What to do about it; empty when waiting is all.
        advice: String,
        /// When it is dialled again.
        next_try: UnixMs,
    },
    /// Switched off or removed.
    Stopped,
}

/// Everything that one link needs to run.
pub struct Driver {
    /// Speaks with the phone system.
    pub session: Box<dyn Session>,
    /// Makes calls of what the session hears.
    pub tracker: Tracker,
    /// Where to connect.
    pub endpoint: pbx::Endpoint,
    /// Where the news go.
    pub sink: Arc<dyn Sink>,
    /// Keeps the raw bytes, when that is asked for.
    pub recorder: Option<Recorder>,
    /// What people want the phone system to do.
    pub commands: mpsc::Receiver<Command>,
    /// Turns to `true` to end the link.
    pub stop: watch::Receiver<bool>,
}

/// Why a connection ended.
enum Ended {
    /// We were asked to stop.
    Stopped,
    /// The connection broke or was given up.
    Broken(GiveUp),
}

impl Driver {
    /// Runs until told to stop. What the tracker has made of bytes read so far is handed over
    /// before this returns.
    pub async fn run(mut self) {
        let mut backoff = Backoff::default();
        while !*self.stop.borrow() {
            self.sink.status(Status::Connecting, clock::now());
            let ended = match transport::connect(&self.endpoint).await {
                Ok(socket) => Conversation::new(&mut self, socket, &mut backoff).run().await,
                Err(error) => Ended::Broken(GiveUp {
                    reason: error.to_string(),
                    advice: String::new(),
                    permanent: false,
                }),
            };
            let Ended::Broken(why) = ended else { break };
            let wait = backoff.failed(why.permanent, clock::random_u64());
            self.rest(why, wait).await;
        }
        self.sink.status(Status::Stopped, clock::now());
    }

    /// Waits before the next try. Calls may run into their time limits meanwhile, and a dial
    /// request gets its answer at once.
    async fn rest(&mut self, why: GiveUp, wait: Duration) {
        let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        let next_try = clock::now().plus_ms(wait_ms);
        let status = Status::Down { reason: why.reason.clone(), advice: why.advice, next_try };
        self.sink.status(status, clock::now());
        let waiting = sleep(wait);
        tokio::pin!(waiting);
        loop {
            let wake = self.tracker.next_wake();
            tokio::select! {
                biased;
                () = stopped(&mut self.stop) => return,
                () = &mut waiting => return,
                command = self.commands.recv() => match command {
                    Some(command) => refuse(&*self.sink, &command, &why.reason),
                    None => return,
                },
                () = clock::until(wake) => self.tracker.woken(clock::now()),
            }
            if let Some(handing_over) = self.take_updates() {
                handing_over.await;
            }
        }
    }

    /// What the tracker has made, on its way to the store.
    fn take_updates(&mut self) -> Option<Pending> {
        let updates: Vec<CallUpdate> = std::iter::from_fn(|| self.tracker.poll()).collect();
        (!updates.is_empty()).then(|| self.sink.updates(updates))
    }
}

/// One connection, from its first byte to its last.
struct Conversation<'a> {
    link: &'a mut Driver,
    backoff: &'a mut Backoff,
    reader: ReadHalf<Box<dyn Socket>>,
    writer: WriteHalf<Box<dyn Socket>>,
    backlog: Backlog,
    /// Events on their way to the store. While it has no room, nothing further is understood, but
    /// reading goes on as far as the backlog has room.
    handing_over: Option<Pending>,
    wake: Option<UnixMs>,
    counted: Counters,
}

impl<'a> Conversation<'a> {
    fn new(link: &'a mut Driver, socket: Box<dyn Socket>, backoff: &'a mut Backoff) -> Self {
        let (reader, writer) = tokio::io::split(socket);
        Conversation {
            link,
            backoff,
            reader,
            writer,
            backlog: Backlog::default(),
            handing_over: None,
            wake: None,
            counted: Counters::default(),
        }
    }

    async fn run(mut self) -> Ended {
        let now = clock::now();
        if let Some(recorder) = &mut self.link.recorder {
            recorder.connected(now);
        }
        self.link.session.connected(now, &mut self.link.tracker);
        let ended = self.converse().await;
        let link = &mut *self.link;
        link.session.disconnected(clock::now(), &mut link.tracker);
        while link.session.poll().is_some() {} // There is no connection left to write to.
        link.sink.counters(link.session.counters(), link.tracker.open_calls());
        if let Some(handing_over) = self.handing_over.take() {
            handing_over.await;
        }
        if let Some(handing_over) = self.link.take_updates() {
            handing_over.await;
        }
        ended
    }

    async fn converse(&mut self) -> Ended {
        let mut buffer = vec![0u8; READ_BYTES];
        if let Err(why) = self.carry_out().await {
            return Ended::Broken(why);
        }
        loop {
            let wake = if self.backlog.is_empty() { self.next_wake() } else { None };
            let link = &mut *self.link;
            let news = tokio::select! {
                biased;
                () = stopped(&mut link.stop) => return Ended::Stopped,
                () = done(&mut self.handing_over) => News::HandedOver,
                command = link.commands.recv() => match command {
                    Some(command) => News::Command(command),
                    None => return Ended::Stopped,
                },
                read = self.reader.read(&mut buffer), if self.backlog.has_room() => News::Read(read),
                () = clock::until(wake) => News::Woken,
            };
            if let Err(why) = self.take(news, &buffer).await {
                return Ended::Broken(why);
            }
        }
    }

    async fn take(&mut self, news: News, buffer: &[u8]) -> Result<(), GiveUp> {
        let now = clock::now();
        match news {
            News::HandedOver => {}
            News::Read(Ok(0)) => return Err(self.closed().await),
            News::Read(Err(error)) => {
                return Err(broken(&format!("the connection broke: {error}")));
            }
            News::Read(Ok(count)) => {
                let bytes = &buffer[..count];
                if let Some(recorder) = &mut self.link.recorder {
                    recorder.received(bytes, now);
                }
                if self.handing_over.is_some() {
                    self.backlog.push(bytes, now);
                    return Ok(());
                }
                self.link.session.received(bytes, now, &mut self.link.tracker);
            }
            News::Command(command) => {
                self.link.session.command(command, now, &mut self.link.tracker);
            }
            News::Woken => {
                self.link.session.woken(now, &mut self.link.tracker);
                self.link.tracker.woken(now);
                self.report_counters();
            }
        }
        self.carry_out().await?;
        self.work_off().await
    }

    /// Understands what has gathered in the backlog, as long as the store takes what comes of it.
    async fn work_off(&mut self) -> Result<(), GiveUp> {
        while self.handing_over.is_none()
            && let Some((bytes, at)) = self.backlog.pop()
        {
            self.link.session.received(&bytes, at, &mut self.link.tracker);
            self.carry_out().await?;
        }
        Ok(())
    }

    /// Does what session and tracker want done.
    async fn carry_out(&mut self) -> Result<(), GiveUp> {
        while let Some(output) = self.link.session.poll() {
            match output {
                Output::Send(bytes) => self.write(&bytes).await?,
                Output::Up { version } => {
                    self.backoff.succeeded();
                    self.link.sink.status(Status::Up { version }, clock::now());
                }
                Output::WakeAt(at) => self.wake = Some(at),
                Output::DialOutcome { id, outcome } => self.link.sink.dialled(&id, outcome),
                Output::Notice(text) => self.link.sink.notice(&text),
                Output::GiveUp(why) => return Err(why),
            }
        }
        if self.handing_over.is_none() {
            self.handing_over = self.link.take_updates();
        }
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), GiveUp> {
        if let Some(recorder) = &mut self.link.recorder {
            recorder.sent(bytes, clock::now());
        }
        match timeout(WRITE_TIMEOUT, self.writer.write_all(bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(broken(&format!("the connection broke: {error}"))),
            Err(_) => Err(broken("the phone system takes nothing any more")),
        }
    }

    /// The phone system closed the connection: what it said before still counts.
    async fn closed(&mut self) -> GiveUp {
        while !self.backlog.is_empty() {
            if let Some(handing_over) = self.handing_over.take() {
                handing_over.await;
            }
            if let Err(why) = self.work_off().await {
                return why;
            }
        }
        broken("the phone system closed the connection")
    }

    /// The earlier of what session and tracker want.
    fn next_wake(&self) -> Option<UnixMs> {
        [self.wake, self.link.tracker.next_wake()].into_iter().flatten().min()
    }

    fn report_counters(&mut self) {
        let counters = self.link.session.counters();
        if counters != self.counted {
            self.counted = counters;
            self.link.sink.counters(counters, self.link.tracker.open_calls());
        }
    }
}

enum News {
    HandedOver,
    Command(Command),
    Read(std::io::Result<usize>),
    Woken,
}

fn broken(reason: &str) -> GiveUp {
    GiveUp { reason: reason.to_owned(), advice: String::new(), permanent: false }
}

/// Tells somebody who wants to dial that the link is down.
fn refuse(sink: &dyn Sink, command: &Command, reason: &str) {
    match command {
        Command::Dial { id, .. } => {
            let why = format!("the link to the phone system is down: {reason}");
            sink.dialled(id, DialOutcome::Failed(why));
        }
        Command::CancelDial { .. } => {}
    }
}

/// Ready when the hand-over is done; never when there is none.
async fn done(handing_over: &mut Option<Pending>) {
    match handing_over {
        Some(future) => {
            future.await;
            *handing_over = None;
        }
        None => pending().await,
    }
}

#[cfg(test)]
mod tests;
