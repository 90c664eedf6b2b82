//! An HTTP endpoint on the loopback that remembers what it received and answers as it is told,
//! badly too.
//!
//! It speaks HTTP/1.1 by hand, so that it can do what no server library lets one do, and so that a
//! request that is not proper is noticed.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};

/// The longest that [`FarEnd::received_at_least`] waits.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest head and body that it takes, in bytes.
const REQUEST_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What it does with one request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// An answer with this status, no body.
    Status(u16),
    /// An answer with header lines (`Name: value`) and a body.
    Whole(u16, Vec<String>, Vec<u8>),
    /// Another reply, after this time.
    After(Duration, Box<Reply>),
    /// These bytes, whatever they are, then the end of the connection.
    Raw(Vec<u8>),
    /// Nothing, and the connection stays open.
    Never,
    /// Nothing, and the connection ends.
    Close,
}

/// One request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// `POST`, …
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case, and values, in order.
    pub headers: Vec<(String, String)>,
    /// Whole body.
    pub body: Vec<u8>,
}

impl Received {
    /// The value of the only header of this name (lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|it| it.0 == name);
        let value = found.next().map(|it| it.1.as_str());
        assert!(found.next().is_none(), "the header {name} came twice");
        value
    }

    /// The body as text; broken UTF-8 is a failure of the test.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }
}

#[derive(Default)]
struct Memory {
    script: Mutex<VecDeque<Reply>>,
    received: Mutex<Vec<Received>>,
    problems: Mutex<Vec<String>>,
    news: Notify,
}

/// The endpoint; it ends when it is dropped.
pub struct FarEnd {
    address: SocketAddr,
    memory: Arc<Memory>,
    accepting: JoinHandle<()>,
}

impl FarEnd {
    /// Listens on a free port of 127.0.0.1. Without a script each request is answered with 200.
    pub async fn start() -> FarEnd {
        FarEnd::with_script([]).await
    }

    /// Answers the first requests as the script says, in the order in which they come, and the
    /// later ones with 200.
    pub async fn with_script(script: impl IntoIterator<Item = Reply>) -> FarEnd {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let memory = Arc::new(Memory::default());
        lock(&memory.script).extend(script);
        let shared = Arc::clone(&memory);
        let accepting = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                // They end with the runtime of the test.
                tokio::spawn(serve(socket, Arc::clone(&shared)));
            }
        });
        FarEnd { address, memory, accepting }
    }

    /// Its address with this path, such as `http://127.0.0.1:40123/hook`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Host and port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Puts one more reply behind the script.
    pub fn then(&self, reply: Reply) {
        lock(&self.memory.script).push_back(reply);
    }

    /// What came so far, in order. Fails the test if something came that is not proper HTTP.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        let problems = lock(&self.memory.problems);
        assert!(problems.is_empty(), "{problems:?}");
        lock(&self.memory.received).clone()
    }

    /// The bodies of what came so far as JSON, in order. Unlike [`FarEnd::received`] it takes it as
    /// right when a request broke off: whoever sent it was killed.
    #[must_use]
    pub fn bodies(&self) -> Vec<Value> {
        let received = lock(&self.memory.received);
        received.iter().map(|it| serde_json::from_slice(&it.body).unwrap_or_default()).collect()
    }

    /// Waits until so many requests have come; fails the test if they do not.
    pub async fn received_at_least(&self, count: usize) -> Vec<Received> {
        let enough = async {
            loop {
                let news = self.memory.news.notified();
                if count <= lock(&self.memory.received).len() {
                    return;
                }
                news.await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, enough).await;
        let received = self.received();
        assert!(in_time.is_ok(), "{} of {count} requests came: {received:?}", received.len());
        received
    }
}

impl Drop for FarEnd {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(mut socket: TcpStream, memory: Arc<Memory>) {
    let mut buffer = Vec::new();
    loop {
        let request = match read_request(&mut socket, &mut buffer).await {
            Ok(Some(request)) => request,
            Ok(None) => return,
            Err(problem) => {
                lock(&memory.problems).push(problem);
                return;
            }
        };
        let head_only = request.method == "HEAD";
        lock(&memory.received).push(request);
        let mut reply = lock(&memory.script).pop_front().unwrap_or(Reply::Status(200));
        memory.news.notify_waiters();
        while let Reply::After(time, later) = reply {
            tokio::time::sleep(time).await;
            reply = *later;
        }
        let (status, headers, body) = match reply {
            Reply::Status(status) => (status, Vec::new(), Vec::new()),
            Reply::Whole(status, headers, body) => (status, headers, body),
            Reply::Raw(bytes) => {
                // The other side may hang up early; that is its right.
                let _ = socket.write_all(&bytes).await;
                return;
            }
            Reply::Never => std::future::pending().await,
            Reply::Close | Reply::After(..) => return,
        };
        let mut answer = format!("HTTP/1.1 {status} \r\n");
        for line in headers {
            answer.push_str(&line);
            answer.push_str("\r\n");
        }
        if status != 204 {
            answer.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        answer.push_str("\r\n");
        let mut answer = answer.into_bytes();
        if !head_only {
            answer.extend_from_slice(&body);
        }
        if socket.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// Reads one request; `None` at the end of the connection between two.
async fn read_request(
    socket: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> Result<Option<Received>, String> {
    loop {
        if let Some(end) = buffer.windows(4).position(|it| it == b"\r\n\r\n") {
            let head: Vec<u8> = buffer.drain(..end + 4).collect();
            let head = String::from_utf8(head).map_err(|_| "a head that is no UTF-8")?;
            let mut request = read_head(&head)?;
            let length = length_of(&request)?;
            while buffer.len() < length {
                if !read_more(socket, buffer).await? {
                    return Err("the connection ended within a body".to_owned());
                }
            }
            request.body = buffer.drain(..length).collect();
            return Ok(Some(request));
        }
        if !read_more(socket, buffer).await? {
            let clean = buffer.is_empty();
            return if clean { Ok(None) } else { Err(format!("a broken head: {buffer:?}")) };
        }
    }
}

/// False at the end of the connection.
async fn read_more(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<bool, String> {
    if REQUEST_BYTES_MAX < buffer.len() {
        return Err("a request that is too long".to_owned());
    }
    // A connection that is reset while nothing is asked is as good as ended.
    Ok(socket.read_buf(buffer).await.unwrap_or(0) != 0)
}

fn read_head(head: &str) -> Result<Received, String> {
    let mut lines = head.trim_end_matches("\r\n").split("\r\n");
    let first: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, target, "HTTP/1.1"] = first[..] else {
        return Err(format!("no request line: {first:?}"));
    };
    let headers = lines
        .map(|line| {
            let (name, value) = line.split_once(':').ok_or_else(|| format!("no header: {line}"))?;
            Ok((name.to_ascii_lowercase(), value.trim().to_owned()))
        })
        .collect::<Result<Vec<_>, String>>()?;
    let request = Received {
        method: method.to_owned(),
        target: target.to_owned(),
        headers,
        body: Vec::new(),
    };
    if request.header("host").is_none() {
        return Err("no host".to_owned());
    }
    Ok(request)
}

fn length_of(request: &Received) -> Result<usize, String> {
    if request.header("transfer-encoding").is_some() {
        return Err("a body without a length".to_owned());
    }
    let length = request.header("content-length").unwrap_or("0");
    length.parse().map_err(|_| format!("no length: {length}"))
}

/// A test that failed elsewhere must not hide what came.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
