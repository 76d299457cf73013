//! Connections: how many there are, how long each may take for what, and how they end.
//!
//! No client can hold a connection for long without asking something: the handshake, the head of a request (and the wait
//! for it) and the taking of an answer have their times, the body has the request's. What is beyond the number of
//! connections waits in the system's queue. When the server ends, idle connections and handshakes end at once, others with their
//! answer.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;

use super::tls::Tls;

/// How long nothing is accepted after the system refused to: mostly since this process has too many files.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// How much of a request's head is read, in bytes.
const HEAD: usize = 128 << 10;

/// What connections may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// How many there are.
    pub(super) connections: usize,
    /// How long a client may take for a handshake, for the head of a request, also to begin, or take nothing of an answer.
    pub(super) client: Duration,
    /// How long after the end of accepting requests under way are waited for.
    pub(super) end: Duration,
}

/// Serves until `end`, and then those who are being answered.
pub(super) async fn serve(
    listener: TcpListener,
    routes: Router,
    limits: Limits,
    tls: Option<Tls>,
    end: impl Future<Output = ()>,
) {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let connections = GracefulShutdown::new();
    let (ends, ending) = watch::channel(false);
    let mut end = pin!(end);
    loop {
        let (stream, slot) = tokio::select! {
            () = &mut end => break,
            accepted = accept(&listener, &slots) => match accepted {
                Some(accepted) => accepted,
                None => continue,
            },
        };
        let (routes, tls, watcher, mut ending) = (routes.clone(), tls.clone(), connections.watcher(), ending.clone());
        tokio::spawn(async move {
            connection(stream, routes, limits.client, tls, watcher, &mut ending).await;
            drop(slot);
        });
    }
    drop(listener);
    ends.send_replace(true);
    if timeout(limits.end, connections.shutdown()).await.is_err() {
        tracing::warn!("connections that do not end are cut");
    }
}

/// The next connection, when there is room for one; nothing when the system refuses.
async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, slot)),
        Err(error) => {
            tracing::warn!(%error, "a connection cannot be accepted");
            sleep(AFTER_FAILURE).await;
            None
        }
    }
}

async fn connection(
    stream: TcpStream,
    routes: Router,
    patience: Duration,
    tls: Option<Tls>,
    watcher: Watcher,
    ending: &mut watch::Receiver<bool>,
) {
    // Answers are written whole: there is nothing to wait for. Where that cannot be said, they come a little later.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(patience));
    let stream = Box::pin(stream);
    let Some(tls) = tls else { return requests(stream, routes, patience, watcher).await };
    let handshake = tokio::select! {
        handshake = timeout(patience, tls.acceptor().accept(stream)) => handshake,
        // Nothing was asked yet that would have to be answered.
        _ = ending.wait_for(|ends| *ends) => return,
    };
    match handshake {
        Ok(Ok(stream)) => requests(stream, routes, patience, watcher).await,
        Ok(Err(error)) => tracing::debug!(%error, "a client speaks no TLS that this server does"),
        Err(_) => tracing::debug!("a client takes too long for its TLS handshake"),
    }
}

/// Answers what comes over a connection.
async fn requests<S>(stream: S, routes: Router, patience: Duration, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
}
