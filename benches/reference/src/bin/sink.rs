//! An endpoint that answers every POST with 204 and counts them.
//!
//! `GET /stats` tells the count, how many distinct `webhook-id` there were and the time between the
//! first and the last; `GET /reset` forgets. With `--log FILE` each body is written to the file
//! behind the microsecond of its arrival, one line each, when it is asked for by `GET /flush`.
//! `--mode axum` is the bare server of goal 16: a router with the same answer and no counting.

use std::{
    convert::Infallible,
    fs::File,
    hash::BuildHasher as _,
    io::{BufWriter, Write as _},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Result, bail};
use axum::{Router, routing::post};
use bytes::Bytes;
use clap::{Parser, ValueEnum};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, Response, StatusCode, body::Incoming, header::HeaderMap, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use reference::{listen_async, machine::now_us};
use rustc_hash::{FxBuildHasher, FxHashSet};
use tokio::net::TcpListener;

#[derive(Parser)]
struct Arguments {
    /// Port; 0 takes any.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// What serves.
    #[arg(long, value_enum, default_value_t = Mode::Hyper)]
    mode: Mode,
    /// Keeps each body and when it came.
    #[arg(long)]
    log: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    Hyper,
    Axum,
}

/// What has been received.
#[derive(Default)]
struct Seen {
    count: u64,
    /// Hashes of the ids, which is exact enough: among a million of 64 bits, two are equal by
    /// chance once in 37 million runs.
    ids: FxHashSet<u64>,
    first_us: u64,
    last_us: u64,
    log: Option<BufWriter<File>>,
}

impl Seen {
    fn note(&mut self, headers: &HeaderMap, body: &[u8]) {
        let now = now_us();
        self.count += 1;
        if self.first_us == 0 {
            self.first_us = now;
        }
        self.last_us = now;
        if let Some(id) = headers.get("webhook-id") {
            self.ids.insert(FxBuildHasher.hash_one(id.as_bytes()));
        }
        if let Some(log) = &mut self.log {
            // A full disk ends in a run that misses deliveries, and says so.
            _ = writeln!(log, "{now} {}", String::from_utf8_lossy(body));
        }
    }

    fn stats(&self) -> String {
        let span_s = self.last_us.saturating_sub(self.first_us) as f64 / 1e6;
        format!(
            r#"{{"count":{},"distinct":{},"first_us":{},"last_us":{},"span_s":{span_s:.6}}}"#,
            self.count,
            self.ids.len(),
            self.first_us,
            self.last_us
        )
    }

    fn reset(&mut self) {
        *self = Seen { log: self.log.take(), ..Seen::default() };
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let log = arguments.log.as_ref().map(File::create).transpose()?.map(BufWriter::new);
    let listener = listen_async(arguments.port)?;
    match arguments.mode {
        Mode::Axum => serve_axum(listener).await,
        Mode::Hyper => serve_hyper(listener, Seen { log, ..Seen::default() }).await,
    }
}

async fn serve_axum(listener: TcpListener) -> Result<()> {
    use axum::serve::ListenerExt as _;
    let answer = |_body: Bytes| async { StatusCode::NO_CONTENT };
    let quick = listener.tap_io(|socket| _ = socket.set_nodelay(true));
    axum::serve(quick, Router::new().route("/hook", post(answer))).await?;
    bail!("the server ended")
}

async fn serve_hyper(listener: TcpListener, seen: Seen) -> Result<()> {
    let seen = Arc::new(Mutex::new(seen));
    loop {
        let (socket, _) = listener.accept().await?;
        _ = socket.set_nodelay(true);
        let seen = seen.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, seen.clone()));
            // A client that goes away is no news here.
            _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    seen: Arc<Mutex<Seen>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return Ok(plain(StatusCode::BAD_REQUEST, String::new()));
    };
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    if head.method == Method::POST {
        seen.note(&head.headers, &body.to_bytes());
        return Ok(plain(StatusCode::NO_CONTENT, String::new()));
    }
    let text = match head.uri.path() {
        "/stats" => seen.stats(),
        "/reset" => {
            seen.reset();
            String::new()
        }
        "/flush" => {
            _ = seen.log.as_mut().map(BufWriter::flush);
            String::new()
        }
        _ => return Ok(plain(StatusCode::NOT_FOUND, String::new())),
    };
    Ok(plain(StatusCode::OK, text))
}

fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
}
