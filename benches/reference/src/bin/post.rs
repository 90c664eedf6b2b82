//! The bare limit of a sender: signed POSTs of 500 bytes from one thread by hyper's client, `n` in
//! flight, each waiting for its answer before the next.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bytes::Bytes;
use clap::Parser;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Uri};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use reference::{body_of_500_bytes, latency::Latencies, machine::cpu_time, sign::signature};

#[derive(Parser)]
struct Arguments {
    /// Port of the sink.
    #[arg(long)]
    port: u16,
    /// Requests in flight.
    #[arg(long, default_value_t = 64)]
    inflight: usize,
    /// How long, in seconds.
    #[arg(long, default_value_t = 4.0)]
    secs: f64,
}

type HttpClient = Client<HttpConnector, Full<Bytes>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: HttpClient = Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(arguments.inflight)
        .build(connector);
    let uri: Uri = format!("http://127.0.0.1:{}/hook", arguments.port).parse()?;
    let body = Bytes::from(body_of_500_bytes());
    let (began, cpu_before) = (Instant::now(), cpu_time());
    let end = began + Duration::from_secs_f64(arguments.secs);
    let tasks: Vec<_> = (0..arguments.inflight)
        .map(|_| tokio::spawn(post_until(end, client.clone(), uri.clone(), body.clone())))
        .collect();
    let (mut sent, mut latencies) = (0u64, Latencies::default());
    for task in tasks {
        let (count, took) = task.await??;
        sent += count;
        latencies.add(&took);
    }
    let (wall, cpu) = (began.elapsed().as_secs_f64(), (cpu_time() - cpu_before).as_secs_f64());
    ensure!(sent > 0, "nothing was sent");
    println!(
        r#"{{"sent":{sent},"rate":{:.1},"cpu_us_each":{:.3},{}}}"#,
        sent as f64 / wall,
        cpu * 1e6 / sent as f64,
        latencies.fields()
    );
    Ok(())
}

async fn post_until(
    end: Instant,
    client: HttpClient,
    uri: Uri,
    body: Bytes,
) -> Result<(u64, Latencies)> {
    const TIMESTAMP: u64 = 1_767_323_045;
    let (mut sent, mut latencies) = (0u64, Latencies::default());
    while Instant::now() < end {
        let began = Instant::now();
        let request = Request::post(uri.clone())
            .header("content-type", "application/json")
            .header("webhook-id", "msg_1")
            .header("webhook-timestamp", TIMESTAMP)
            .header("webhook-signature", signature("msg_1", TIMESTAMP, &body))
            .body(Full::new(body.clone()))?;
        let response = client.request(request).await?;
        ensure!(response.status().is_success(), "the sink answered {}", response.status());
        response.into_body().collect().await?;
        latencies.record(began.elapsed());
        sent += 1;
    }
    Ok((sent, latencies))
}
