//! The phone system as a server: AMI over TCP on a loopback address.

mod actions;
mod connection;
mod exchange;
mod filter;
mod lines;
mod lists;
#[cfg(test)]
mod tests;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use bytes::Bytes;
use serde::Serialize;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::Notify,
    task::JoinHandle,
};

use crate::{
    clock::Clock,
    company::Company,
    profile::{Profile, Quiet},
    rights::{Classes, Rights},
    script::{Expected, Plan},
};
use connection::{Closing, Connection};
use exchange::Exchange;

/// More clients than this at once are refused.
const CONNECTIONS_MAX: usize = 64;

/// How fast events go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Each when it is due.
    Real,
    /// As fast as the clients read, in the order in which they are due; the times in them are those
    /// of a clock that is pushed on from event to event. Nothing is sent before a client has asked
    /// for the channels.
    Full,
}

/// How long the parts of a click-to-dial call take: from and to, in milliseconds.
///
/// A number that ends in `486` is busy; for one that ends in `480` nobody lifts the phone here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialling {
    /// Until the person lifts.
    pub lifts_ms: (u32, u32),
    /// From then until the far end answers.
    pub answers_ms: (u32, u32),
    /// From then until the far end hangs up.
    pub talks_ms: (u32, u32),
}

impl Default for Dialling {
    fn default() -> Dialling {
        Dialling { lifts_ms: (1_000, 2_500), answers_ms: (1_500, 3_500), talks_ms: (5_000, 20_000) }
    }
}

/// How a simulated phone system is started.
pub struct Settings {
    /// Where to listen; only loopback addresses are taken. Port 0: any that is free.
    pub listen: SocketAddr,
    /// The one account.
    pub username: String,
    /// Its secret.
    pub secret: String,
    /// What the account may read and do.
    pub rights: Rights,
    /// Whose phone system it is.
    pub company: Company,
    /// What calls are placed.
    pub profile: Box<dyn Profile>,
    /// How fast.
    pub pace: Pace,
    /// How click-to-dial calls go.
    pub dialling: Dialling,
    /// The time.
    pub clock: Clock,
    /// Everything that looks random follows from it.
    pub seed: u64,
    /// Do not place calls before [`Simulator::resume`].
    pub paused: bool,
    /// Remember the end of every call for [`Simulator::ends`]: some hundred bytes each.
    pub keep_ends: bool,
}

impl Settings {
    /// A quiet small company on any free port, with the account `hookswitch`.
    #[must_use]
    pub fn quiet(clock: Clock, secret: &str) -> Settings {
        Settings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            username: "hookswitch".to_owned(),
            secret: secret.to_owned(),
            rights: Rights::RECOMMENDED,
            company: Company::small(),
            profile: Box::new(Quiet),
            pace: Pace::Real,
            dialling: Dialling::default(),
            clock,
            seed: 1,
            paused: false,
            keep_ends: false,
        }
    }
}

/// The end of one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct End {
    /// What must be known about the call.
    #[serde(flatten)]
    pub expected: Expected,
    /// When its last channel was hung up, in microseconds since the epoch.
    pub ended_us: i64,
    /// Whether that was written to the socket of a client that could follow it: one that was
    /// logged in and had had a list of the channels.
    pub reported: bool,
}

/// What has happened so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Calls begun.
    pub placed: u64,
    /// Calls ended.
    pub ended: u64,
    /// Events that were due, whether or not anybody listened.
    pub events: u64,
    /// Log-ins.
    pub logins: u64,
    /// Log-ins that were refused.
    pub refused_logins: u64,
    /// Pings answered.
    pub pings: u64,
    /// When it was last restarted, in microseconds since the epoch.
    pub restarted_us: Option<i64>,
}

struct Shared {
    exchange: Mutex<Exchange>,
    /// Wakes the thread that paces.
    wake: Condvar,
    /// Something may have come to its end.
    settled: Notify,
    /// A client has asked for the channels.
    listened: Arc<Notify>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Exchange> {
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn locked<T>(&self, act: impl FnOnce(&mut Exchange) -> T) -> T {
        let result = act(&mut self.lock());
        self.wake.notify_one();
        result
    }
}

/// A phone system that is running. Dropping it ends it and closes all connections.
pub struct Simulator {
    shared: Arc<Shared>,
    address: SocketAddr,
    acceptor: JoinHandle<()>,
    pacer: Option<thread::JoinHandle<()>>,
}

impl Simulator {
    /// Listens and begins to place calls.
    ///
    /// # Errors
    ///
    /// When the address is none of this machine's own loopback addresses, or cannot be listened at.
    pub async fn start(settings: Settings) -> io::Result<Simulator> {
        if !settings.listen.ip().is_loopback() {
            let problem = format!(
                "{} is not a loopback address: the simulated phone system has no business outside \
                 this machine",
                settings.listen
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        let listener = TcpListener::bind(settings.listen).await?;
        let address = listener.local_addr()?;
        let exchange = Exchange::new(settings);
        let shared = Arc::new(Shared {
            listened: exchange.listened.clone(),
            exchange: Mutex::new(exchange),
            wake: Condvar::new(),
            settled: Notify::new(),
        });
        let pacer = thread::Builder::new().name("simulator-pacer".to_owned()).spawn({
            let shared = shared.clone();
            move || pace(&shared)
        })?;
        let acceptor = tokio::spawn(accept(listener, shared.clone()));
        Ok(Simulator { shared, address, acceptor, pacer: Some(pacer) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How a hub is told of it: the entry of a declarative file with this name.
    #[must_use]
    pub fn declared(&self, name: &str) -> String {
        let exchange = self.shared.lock();
        let Settings { username, secret, .. } = &exchange.settings;
        let (host, port) = (self.address.ip(), self.address.port());
        format!(
            "[[pbx]]\nname = {name:?}\nkind = \"asterisk\"\nhost = \"{host}\"\nport = {port}\n\
             username = {username:?}\nsecret = {secret:?}\ncountry = \"IT\"\n"
        )
    }

    /// Begins a call now, whatever the profile does.
    pub fn place(&self, plan: Plan) {
        self.shared.locked(|it| {
            let start_us = it.now_us();
            it.place(Plan { start_us, ..plan });
        });
    }

    /// Stops the clock of the calls. Actions are still answered.
    pub fn pause(&self) {
        self.shared.locked(Exchange::pause);
    }

    /// Lets the clock of the calls go on.
    pub fn resume(&self) {
        self.shared.locked(Exchange::resume);
    }

    /// Places no new calls; those in progress go on to their ends.
    pub fn stop_calls(&self) {
        self.shared.locked(Exchange::close);
    }

    /// Closes all connections, in the middle of whatever they were doing. Calls go on.
    pub fn drop_connections(&self) {
        self.shared.locked(|it| it.connections.drain(..).for_each(|it| it.close(Closing::Now)));
    }

    /// Leaves all present connections half open: their sockets stay, and nothing comes any more.
    /// New connections work.
    pub fn half_open(&self) {
        self.shared.locked(|it| it.connections.iter().for_each(|it| it.standing().mute = true));
    }

    /// The phone system starts anew: all calls are gone without a word, all connections are closed.
    pub fn restart(&self) {
        self.shared.locked(Exchange::restart);
    }

    /// Sends bytes of the caller's own making to every client that gets events of calls.
    pub fn send(&self, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        self.shared.locked(|it| it.broadcast(Classes::CALL, &bytes, None));
    }

    /// How many clients are logged in.
    #[must_use]
    pub fn clients(&self) -> usize {
        let exchange = self.shared.lock();
        exchange.connections.iter().filter(|it| it.standing().logged_in).count()
    }

    /// How many calls are in progress.
    #[must_use]
    pub fn calls_in_progress(&self) -> usize {
        self.shared.lock().calls_in_progress()
    }

    /// What has happened so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.lock().counts
    }

    /// The ends of all calls so far, where they are kept.
    #[must_use]
    pub fn ends(&self) -> Vec<End> {
        self.shared.lock().ends()
    }

    /// Waits until a client has logged in and asked for the channels.
    pub async fn listened(&self) {
        let listened = self.shared.listened.clone();
        loop {
            let heard = listened.notified();
            tokio::pin!(heard);
            heard.as_mut().enable();
            if self.shared.lock().connections.iter().any(|it| it.standing().in_step) {
                return;
            }
            heard.await;
        }
    }

    /// Waits until no new calls come, those in progress have ended, and all has been written.
    pub async fn finished(&self) {
        loop {
            let settled = self.shared.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            if self.shared.lock().is_finished() {
                return;
            }
            settled.await;
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.acceptor.abort();
        self.shared.locked(|it| {
            it.stopping = true;
            it.connections.drain(..).for_each(|it| it.close(Closing::Now));
        });
        if let Some(pacer) = self.pacer.take() {
            // It ends at once; a panic of its own has been printed already.
            let _ = pacer.join();
        }
    }
}

/// Sends events when they are due. A thread of its own, because timers of the asynchronous run time
/// are only exact to a millisecond.
fn pace(shared: &Shared) {
    let mut exchange = shared.lock();
    while !exchange.stopping {
        let wait = exchange.advance();
        if exchange.is_finished() {
            shared.settled.notify_waiters();
        }
        exchange = match wait.map(|it| Duration::from_micros(it.unsigned_abs())) {
            Some(wait) => {
                let woken = shared.wake.wait_timeout(exchange, wait);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
            None => shared.wake.wait(exchange).unwrap_or_else(PoisonError::into_inner),
        };
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file handles, most likely: give others the time to close some.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let connection = Arc::new(Connection::default());
        let admitted = shared.locked(|it| {
            let admitted = it.connections.len() < CONNECTIONS_MAX;
            if admitted {
                it.connections.push(connection.clone());
            }
            admitted
        });
        if admitted {
            tokio::spawn(serve(stream, connection, shared.clone()));
        }
    }
}

async fn serve(stream: TcpStream, connection: Arc<Connection>, shared: Arc<Shared>) {
    // Without it small events would wait for acknowledgements; a failure makes them later only.
    let _ = stream.set_nodelay(true);
    connection.push(Bytes::from_static(lists::BANNER), None);
    let (reader, writer) = stream.into_split();
    tokio::select! {
        () = read(reader, &connection, &shared) => {}
        () = write(writer, &connection, &shared) => {}
    }
    connection.close(Closing::Now);
    shared.locked(|it| it.connections.retain(|it| !Arc::ptr_eq(it, &connection)));
}

async fn read(mut reader: OwnedReadHalf, connection: &Connection, shared: &Shared) {
    let (mut lines, mut inputs) = (lines::Reader::default(), Vec::new());
    let mut buffer = vec![0; 4096];
    loop {
        match reader.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(read) => lines.feed(&buffer[..read], &mut inputs),
        }
        for input in inputs.drain(..) {
            shared.locked(|it| actions::take(it, connection, &input));
        }
    }
    // The client has closed its side: what waits for it still goes out, as far as it can.
    connection.close(Closing::Written);
    std::future::pending::<()>().await;
}

async fn write(mut writer: OwnedWriteHalf, connection: &Connection, shared: &Shared) {
    let mut buffer = Vec::with_capacity(connection::WRITE_BYTES);
    loop {
        let changed = connection.changed.notified();
        buffer.clear();
        let Ok(marks) = connection.take(&mut buffer) else { return };
        if buffer.is_empty() {
            changed.await;
            continue;
        }
        if writer.write_all(&buffer).await.is_err() {
            return;
        }
        marks.iter().for_each(|it| it.set());
        // Full pace waits for room, and somebody may wait for the last byte. The lock is taken so
        // that the news cannot come between the pacer's look and its sleep.
        if connection.written(buffer.len()) < exchange::FULL_PACE_BYTES_MAX / 2 {
            shared.locked(|_| ());
        }
    }
}
