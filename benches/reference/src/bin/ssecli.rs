//! Many clients of server-sent events in one process: opens them, waits, then has the server
//! broadcast a number of times and prints how long each took to reach the last client.
//!
//! `--stalled N` of them never read. The server's memory and CPU are read by who starts this, at
//! the lines `open` and `done` on stdout; after `open` one line on stdin is waited for.

use std::{
    io::BufRead as _,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use memchr::memmem;
use reference::{
    PATIENCE_S,
    control::{HANG_UP, RING, find_mark},
    machine::now_us,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    sync::Semaphore,
};

#[derive(Parser)]
struct Arguments {
    /// Port of the server.
    #[arg(long)]
    port: u16,
    /// Path of the stream.
    #[arg(long, default_value = "/api/v1/events")]
    path: String,
    /// Bearer token.
    #[arg(long, default_value = "none")]
    key: String,
    /// The control port.
    #[arg(long)]
    control: u16,
    /// Clients.
    #[arg(long, default_value_t = 10_000)]
    conns: usize,
    /// Broadcasts.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Clients beyond these that never read.
    #[arg(long, default_value_t = 0)]
    stalled: usize,
}

/// Clients that open at the same time.
const OPENING: usize = 256;
/// What a client keeps of the stream while it looks for the end of an event, in bytes.
const BUFFER_BYTES: usize = 4096;
/// Pause between broadcasts.
const PAUSE: Duration = Duration::from_millis(150);

/// What the clients have seen of the broadcast that is under way.
#[derive(Default)]
struct Progress {
    /// Only events with a mark from then on count.
    since_us: AtomicU64,
    arrived: AtomicUsize,
    last_us: AtomicU64,
    /// Size of the event that came last, in bytes.
    event_bytes: AtomicUsize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let progress = Arc::new(Progress::default());
    let began = Instant::now();
    let _stalled = stall(&arguments).await?;
    open_all(&arguments, &progress).await?;
    println!(r#"{{"state":"open","opened_s":{:.3}}}"#, began.elapsed().as_secs_f64());
    std::io::stdin().lock().read_line(&mut String::new())?;

    let mut control = TcpStream::connect(("127.0.0.1", arguments.control)).await?;
    control.set_nodelay(true)?;
    let mut took_us = Vec::new();
    for _ in 0..arguments.rounds {
        took_us.push(broadcast(&mut control, &progress, arguments.conns).await?);
        wish(&mut control, HANG_UP).await?;
        tokio::time::sleep(PAUSE).await;
    }
    took_us.sort_unstable();
    println!(
        r#"{{"state":"done","last_client_us":{},"min_us":{},"max_us":{},"event_bytes":{}}}"#,
        took_us[took_us.len() / 2],
        took_us[0],
        took_us[took_us.len() - 1],
        progress.event_bytes.load(Relaxed)
    );
    std::io::stdin().lock().read_line(&mut String::new())?;
    Ok(())
}

/// Has one event sent; gives the time until the last client had it, in microseconds.
async fn broadcast(control: &mut TcpStream, progress: &Progress, clients: usize) -> Result<u64> {
    let asked_us = now_us();
    progress.arrived.store(0, Relaxed);
    progress.since_us.store(asked_us, Relaxed);
    wish(control, RING).await?;
    let limit = Instant::now() + Duration::from_secs(PATIENCE_S);
    while progress.arrived.load(Relaxed) < clients {
        ensure!(
            Instant::now() < limit,
            "only {} of {clients} clients have the event",
            progress.arrived.load(Relaxed)
        );
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(progress.last_us.load(Relaxed) - asked_us)
}

async fn wish(control: &mut TcpStream, what: u8) -> Result<()> {
    control.write_u8(what).await?;
    control.read_u8().await.context("the control port is closed")?;
    Ok(())
}

/// A connection on which the stream has begun.
async fn open(arguments: &Arguments) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    let mut stream = socket.connect(([127, 0, 0, 1], arguments.port).into()).await?;
    let Arguments { path, key, .. } = arguments;
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\
         authorization: Bearer {key}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    // Byte by byte, so that nothing of the stream itself is taken.
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.context("closed before it began")?);
    }
    ensure!(head.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&head));
    Ok(stream)
}

/// Clients that open and then never read.
async fn stall(arguments: &Arguments) -> Result<Vec<TcpStream>> {
    let mut sockets = Vec::new();
    for _ in 0..arguments.stalled {
        sockets.push(open(arguments).await?);
    }
    Ok(sockets)
}

async fn open_all(arguments: &Arguments, progress: &Arc<Progress>) -> Result<()> {
    let opening = Arc::new(Semaphore::new(OPENING));
    let mut tasks = tokio::task::JoinSet::new();
    let shared: Arc<Arguments> = Arc::new(Arguments {
        path: arguments.path.clone(),
        key: arguments.key.clone(),
        ..*arguments
    });
    for _ in 0..arguments.conns {
        let (shared, progress) = (shared.clone(), progress.clone());
        let turn = opening.clone().acquire_owned().await?;
        tasks.spawn(async move {
            let stream = open(&shared).await?;
            drop(turn);
            tokio::spawn(follow(stream, progress));
            anyhow::Ok(())
        });
    }
    while let Some(opened) = tasks.join_next().await {
        opened??;
    }
    Ok(())
}

/// Reads one client's stream until it ends.
async fn follow(mut stream: TcpStream, progress: Arc<Progress>) {
    let mut buffer = Vec::new();
    let mut portion = [0u8; BUFFER_BYTES];
    while let Ok(count) = stream.read(&mut portion).await {
        if count == 0 {
            return;
        }
        buffer.extend_from_slice(&portion[..count]);
        while let Some(end) = memmem::find(&buffer, b"\n\n") {
            note(&buffer[..end + 2], &progress);
            buffer.drain(..end + 2);
        }
        if buffer.is_empty() {
            // Ten thousand idle clients keep no buffer.
            buffer = Vec::new();
        }
    }
}

fn note(event: &[u8], progress: &Progress) {
    let starts = memmem::find(event, b"call.started").is_some();
    let asked = find_mark(event).is_some_and(|it| it >= progress.since_us.load(Relaxed));
    if starts && asked {
        progress.event_bytes.store(event.len(), Relaxed);
        progress.last_us.fetch_max(now_us(), Relaxed);
        progress.arrived.fetch_add(1, Relaxed);
    }
}
