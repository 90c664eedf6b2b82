//! What the reference programs share: the clock, the process's own CPU time, latencies, signatures.
//!
//! Each program in `src/bin` does one thing that the product also does, with nothing around it, on
//! loopback only, bounded by a count or a time. `docs/benchmarks.md` says which goal uses which.

pub mod ami;
pub mod control;
pub mod durable;
pub mod latency;
pub mod machine;
pub mod sign;
pub mod stream;

/// The longest that any program waits for something that should come at once, in seconds.
pub const PATIENCE_S: u64 = 30;

/// A JSON body of 500 bytes that looks like a call event.
#[must_use]
pub fn body_of_500_bytes() -> String {
    let head = r#"{"id":"01J9Z8Q5K7T3V2N4M6P8R0S1W3","type":"call.answered","time":"2026-01-02T03:04:05.678Z","call":{"id":"pbx1-1767323045.1234","direction":"inbound","state":"talking","from":{"number":"+4915112345678","name":"Erika Mustermann"},"to":{"number":"+49301234567","name":"Front Desk"},"extension":"2001","queue":"support","started_at":"2026-01-02T03:03:58.100Z","answered_at":"2026-01-02T03:04:05.670Z"},"note":""#;
    let filler = 500 - head.len() - 2;
    format!("{head}{}\"}}", "x".repeat(filler))
}

/// Listens on loopback and says where, on stdout, as `listening PORT`; port 0 takes any free one.
///
/// # Errors
///
/// When the port is taken.
pub fn listen(port: u16) -> std::io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", port))?;
    println!("listening {}", listener.local_addr()?.port());
    Ok(listener)
}

/// [`listen`], for tokio, with room for many connections that open at once.
///
/// # Errors
///
/// When the port is taken.
pub fn listen_async(port: u16) -> std::io::Result<tokio::net::TcpListener> {
    /// Connections that the kernel keeps while we have not accepted them.
    const BACKLOG: u32 = 4096;
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(([127, 0, 0, 1], port).into())?;
    let listener = socket.listen(BACKLOG)?;
    println!("listening {}", listener.local_addr()?.port());
    Ok(listener)
}
