//! Sockets and the thread that paces: how bytes come in and go out.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
};

use super::{
    Shared, actions,
    connection::{self, Closing, Connection},
    exchange, lines, lists,
};

/// More clients than this at once are refused.
const CONNECTIONS_MAX: usize = 64;

/// Sends events when they are due. A thread of its own, because timers of the asynchronous run time
/// are only exact to a millisecond.
pub(super) fn pace(shared: &Shared) {
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

pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
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
