//! Threads that read, each with a connection of its own, so that no query holds up the run time.

use std::{
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::JoinHandle,
};

use tokio::sync::oneshot;

use crate::{Result, StoreError, db::Db};

/// Readers at work at the same time: more than cores would only take memory.
const READERS: usize = 3;

type Job = Box<dyn FnOnce(Result<&mut Db>) + Send>;

/// The way to the reading threads.
pub(crate) struct Readers {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Readers {
    /// Starts the threads; `connect` makes the connection of each.
    pub(crate) fn start(
        connect: impl Fn() -> Result<Db> + Send + Sync + 'static,
    ) -> Result<Readers> {
        let (sender, receiver) = mpsc::channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        let connect = Arc::new(connect);
        let mut threads = Vec::new();
        for number in 0..READERS {
            let (receiver, connect) = (Arc::clone(&receiver), Arc::clone(&connect));
            let thread = std::thread::Builder::new()
                .name(format!("store-read-{number}"))
                .spawn(move || serve(&receiver, &*connect))
                .map_err(|error| StoreError::Unavailable(error.to_string()))?;
            threads.push(thread);
        }
        Ok(Readers { jobs: Mutex::new(Some(sender)), threads: Mutex::new(threads) })
    }

    /// Runs `work` on one of the threads.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Db) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |db| {
            // Nobody waits any more: fine.
            let _ = reply.send(db.and_then(work));
        });
        {
            let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
            let sender = jobs.as_ref().ok_or(StoreError::Closed)?;
            sender.send(job).map_err(|_| StoreError::Closed)?;
        }
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Lets the threads finish what waits, and end. Waits for them.
    pub(crate) fn close(&self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread that reads the database has panicked");
            }
        }
    }
}

fn serve(jobs: &Mutex<mpsc::Receiver<Job>>, connect: &dyn Fn() -> Result<Db>) {
    // Connected at the first job: most hubs hardly read, and need fewer connections.
    let mut db = None;
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        if db.is_none() {
            match connect() {
                Ok(connected) => db = Some(connected),
                Err(error) => {
                    job(Err(error));
                    continue;
                }
            }
        }
        if let Some(db) = &mut db {
            job(match db.revive() {
                Ok(()) => Ok(db),
                Err(error) => Err(error),
            });
        }
    }
}
