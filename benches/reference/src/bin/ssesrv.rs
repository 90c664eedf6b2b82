//! Two bare servers of server-sent events. `--mode raw`: no HTTP library; one loop writes the same
//! bytes to each socket, which is the floor of a broadcast. `--mode axum`: a channel and a stream
//! per client, which is the floor of a client's memory in a server built on hyper.
//!
//! Events are asked for at the control port (see `reference::control`).

use std::{convert::Infallible, sync::Arc};

use anyhow::{Result, bail};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    response::IntoResponse,
    routing::get,
};
use clap::{Parser, ValueEnum};
use http_body_util::StreamBody;
use hyper::body::Frame;
use memchr::memmem;
use reference::{
    control::{DONE, HANG_UP, RING, mark},
    listen_async,
    machine::now_us,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Mutex, broadcast},
};

#[derive(Parser)]
struct Arguments {
    /// How it serves.
    #[arg(long, value_enum)]
    mode: Mode,
    /// Bytes of an event; give the size of the product's.
    #[arg(long, default_value_t = 450)]
    event_bytes: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    Raw,
    Axum,
}

/// Events that a client may be behind.
const CHANNEL_EVENTS: usize = 64;

/// Everybody who listens.
#[derive(Clone)]
enum Audience {
    Sockets(Arc<Mutex<Vec<TcpStream>>>),
    Channel(broadcast::Sender<Bytes>),
}

impl Audience {
    async fn tell(&self, event: Bytes) {
        match self {
            Audience::Sockets(sockets) => {
                for socket in sockets.lock().await.iter() {
                    // Who is full or gone misses the event: this is the floor, not a service.
                    _ = socket.try_write(&event);
                }
            }
            // Nobody listening is no failure.
            Audience::Channel(sender) => drop(sender.send(event)),
        }
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let listener = listen_async(0)?;
    let wishes = listen_async(0)?;
    let audience = match arguments.mode {
        Mode::Raw => Audience::Sockets(Arc::default()),
        Mode::Axum => Audience::Channel(broadcast::channel(CHANNEL_EVENTS).0),
    };
    tokio::spawn(grant_all(wishes, audience.clone(), arguments.event_bytes));
    match audience {
        Audience::Sockets(sockets) => serve_raw(listener, sockets).await,
        Audience::Channel(sender) => serve_axum(listener, sender).await,
    }
}

async fn serve_raw(listener: TcpListener, sockets: Arc<Mutex<Vec<TcpStream>>>) -> Result<()> {
    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
        cache-control: no-cache\r\n\r\n";
    loop {
        let (mut socket, _) = listener.accept().await?;
        _ = socket.set_nodelay(true);
        let sockets = sockets.clone();
        tokio::spawn(async move {
            let (mut head, mut filled) = ([0u8; 1024], 0);
            while memmem::find(&head[..filled], b"\r\n\r\n").is_none() {
                match socket.read(&mut head[filled..]).await {
                    Ok(count) if count > 0 => filled += count,
                    _ => return,
                }
            }
            if socket.write_all(HEAD).await.is_ok() {
                sockets.lock().await.push(socket);
            }
        });
    }
}

async fn serve_axum(listener: TcpListener, sender: broadcast::Sender<Bytes>) -> Result<()> {
    use axum::serve::ListenerExt as _;
    let events = |State(sender): State<broadcast::Sender<Bytes>>| async move {
        let stream = body_of(sender.subscribe());
        ([("content-type", "text/event-stream"), ("cache-control", "no-cache")], stream)
            .into_response()
    };
    let quick = listener.tap_io(|socket| _ = socket.set_nodelay(true));
    // Whatever the path: `ssecli` asks for the product's.
    let router = Router::new().fallback(get(events)).with_state(sender);
    axum::serve(quick, router).await?;
    bail!("the server ended")
}

/// The events of `receiver` as a body.
fn body_of(receiver: broadcast::Receiver<Bytes>) -> Body {
    let stream = futures_util::stream::unfold(receiver, async |mut receiver| {
        let event = match receiver.recv().await {
            Ok(event) => event,
            Err(broadcast::error::RecvError::Lagged(_)) => Bytes::from_static(b":lag\n\n"),
            Err(broadcast::error::RecvError::Closed) => return None,
        };
        Some((Ok::<_, Infallible>(Frame::data(event)), receiver))
    });
    Body::new(StreamBody::new(stream))
}

async fn grant_all(listener: TcpListener, audience: Audience, event_bytes: usize) {
    while let Ok((socket, _)) = listener.accept().await {
        let audience = audience.clone();
        tokio::spawn(async move {
            // An `ssecli` that goes away is no news.
            _ = grant(socket, audience, event_bytes).await;
        });
    }
}

async fn grant(mut socket: TcpStream, audience: Audience, event_bytes: usize) -> Result<()> {
    socket.set_nodelay(true)?;
    loop {
        let kind = match socket.read_u8().await? {
            RING => "call.started",
            HANG_UP => "call.ended",
            _ => continue,
        };
        audience.tell(event(kind, event_bytes)).await;
        socket.write_u8(DONE).await?;
    }
}

/// An event of the given size.
fn event(kind: &str, bytes: usize) -> Bytes {
    let now = now_us();
    let head = format!("id: {now}\nevent: {kind}\ndata: {{\"name\":\"{}\",\"pad\":\"", mark(now));
    let tail = "\"}\n\n";
    let pad = "x".repeat(bytes.saturating_sub(head.len() + tail.len()));
    Bytes::from(format!("{head}{pad}{tail}"))
}
