//! The phone system as a server: AMI over TCP on a loopback address.

mod actions;
mod connection;
mod exchange;
mod filter;
mod lines;
mod lists;
mod serve;
mod settings;
#[cfg(test)]
mod tests;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use bytes::Bytes;
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};

use crate::{rights::Classes, script::Plan};
use connection::Closing;
use exchange::Exchange;
pub use settings::{Counts, Dialling, End, Pace, Settings};

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
            move || serve::pace(&shared)
        })?;
        let acceptor = tokio::spawn(serve::accept(listener, shared.clone()));
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
