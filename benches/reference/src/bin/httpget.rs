//! A closed loop of GET requests over connections that stay open: rate and latency.
//!
//! `--paths FILE` holds one path a line, asked in turn. Answers must be 2xx and are read whole.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;
use memchr::memmem;
use reference::{body_of_500_bytes, latency::Latencies};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

#[derive(Parser)]
struct Arguments {
    /// Port of the server.
    #[arg(long)]
    port: u16,
    /// One path.
    #[arg(long, default_value = "/")]
    path: String,
    /// Many paths, one a line, asked in turn.
    #[arg(long)]
    paths: Option<PathBuf>,
    /// A header line to send, such as `authorization: Bearer …`; may be repeated.
    #[arg(long)]
    header: Vec<String>,
    /// Connections.
    #[arg(long, default_value_t = 1)]
    conns: usize,
    /// How long, in seconds.
    #[arg(long, default_value_t = 3.0)]
    secs: f64,
    /// Stops after so many requests.
    #[arg(long, default_value_t = usize::MAX)]
    requests: usize,
    /// Sends 500 bytes by POST instead.
    #[arg(long)]
    post: bool,
}

struct Load {
    port: u16,
    requests: Vec<Vec<u8>>,
    next: AtomicUsize,
    limit: usize,
    end: Instant,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let paths = match &arguments.paths {
        Some(file) => std::fs::read_to_string(file)?.lines().map(str::to_owned).collect(),
        None => vec![arguments.path.clone()],
    };
    ensure!(!paths.is_empty(), "no path");
    let began = Instant::now();
    let load = Arc::new(Load {
        port: arguments.port,
        requests: paths.iter().map(|path| request(path, &arguments)).collect(),
        next: AtomicUsize::new(0),
        limit: arguments.requests,
        end: began + Duration::from_secs_f64(arguments.secs),
    });
    let tasks: Vec<_> =
        (0..arguments.conns).map(|_| tokio::spawn(ask_until_end(load.clone()))).collect();
    let (mut asked, mut latencies) = (0u64, Latencies::default());
    for task in tasks {
        let (count, took) = task.await??;
        asked += count;
        latencies.add(&took);
    }
    let wall = began.elapsed().as_secs_f64();
    println!(r#"{{"requests":{asked},"rate":{:.1},{}}}"#, asked as f64 / wall, latencies.fields());
    Ok(())
}

fn request(path: &str, arguments: &Arguments) -> Vec<u8> {
    let body = if arguments.post { body_of_500_bytes() } else { String::new() };
    let method = if arguments.post { "POST" } else { "GET" };
    let headers: String = arguments.header.iter().map(|it| format!("{it}\r\n")).collect();
    let length = if arguments.post {
        format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len())
    } else {
        String::new()
    };
    format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}{length}\r\n{body}").into()
}

async fn ask_until_end(load: Arc<Load>) -> Result<(u64, Latencies)> {
    let mut socket = TcpStream::connect(("127.0.0.1", load.port)).await?;
    socket.set_nodelay(true)?;
    let (mut count, mut latencies, mut buffer) = (0, Latencies::default(), Vec::new());
    while Instant::now() < load.end {
        let turn = load.next.fetch_add(1, Relaxed);
        if turn >= load.limit {
            break;
        }
        let began = Instant::now();
        socket.write_all(&load.requests[turn % load.requests.len()]).await?;
        read_answer(&mut socket, &mut buffer).await?;
        latencies.record(began.elapsed());
        count += 1;
    }
    Ok((count, latencies))
}

/// Reads one whole answer, of a known length or in chunks.
async fn read_answer(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<()> {
    buffer.clear();
    let head_end = loop {
        if let Some(at) = memmem::find(buffer, b"\r\n\r\n") {
            break at + 4;
        }
        ensure!(socket.read_buf(buffer).await? > 0, "the server closed the connection");
    };
    let head = String::from_utf8_lossy(&buffer[..head_end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1).context("no status")?;
    if !status.starts_with('2') {
        bail!("{}", String::from_utf8_lossy(buffer));
    }
    let length = head.lines().find_map(|it| it.strip_prefix("content-length: "));
    let length: Option<usize> = length.map(|it| it.trim().parse()).transpose()?;
    loop {
        let body = &buffer[head_end..];
        let whole = match length {
            Some(length) => body.len() >= length,
            None => status == "204" || body.ends_with(b"0\r\n\r\n"),
        };
        if whole {
            return Ok(());
        }
        ensure!(socket.read_buf(buffer).await? > 0, "the server closed the connection");
    }
}
