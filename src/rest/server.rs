//! The server: connections, limits, the pool of handlers, the access log, and the end.

use std::error::Error as _;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::to_bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use http_body_util::LengthLimitError;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tower_http::compression::CompressionLayer;
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::timeout::TimeoutLayer;

use super::call::{Call, Reply};
use super::failure::Failure;
use crate::Database;

/// How a server behaves.
///
/// ```
/// use std::time::Duration;
///
/// let options = gnocchetti::rest::ServerOptions::new().max_body(1 << 20).timeout(Duration::from_secs(10));
/// # let _ = options;
/// ```
#[derive(Debug, Clone)]
pub struct ServerOptions {
    max_body: usize,
    timeout: Duration,
    concurrency: usize,
    max_limit: usize,
    origins: Arc<[String]>,
    behind_proxy: bool,
}

impl Default for ServerOptions {
    fn default() -> Self {
        ServerOptions {
            max_body: 16 << 20,
            timeout: Duration::from_secs(60),
            concurrency: 64,
            max_limit: 1000,
            origins: Arc::new([]),
            behind_proxy: false,
        }
    }
}

impl ServerOptions {
    /// Bodies up to 16 MiB, 60 seconds for a request, 64 requests handled at a time, 1000 items in a list, no pages of
    /// other servers, and no proxy.
    pub fn new() -> Self {
        ServerOptions::default()
    }

    /// The greatest body that is read, in bytes, counted after decompression; a greater one is answered 413.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// How long a request may take, from its head to the head of the answer; then it is answered 408.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// How many requests are handled at a time, at least one; others wait.
    #[must_use]
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = requests.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// How many items a list has at most, at least one; a link leads to the next ones.
    #[must_use]
    pub fn max_limit(mut self, items: usize) -> Self {
        self.max_limit = items.max(1);
        self
    }

    /// The pages that browsers let read our answers: origins such as `https://grafana.example`, or `*`.
    #[must_use]
    pub fn origins(mut self, origins: impl IntoIterator<Item = String>) -> Self {
        self.origins = origins.into_iter().collect();
        self
    }

    /// Whether requests come through a proxy that says by `Forwarded` or `X-Forwarded-…` where clients see this server.
    #[must_use]
    pub fn behind_proxy(mut self, yes: bool) -> Self {
        self.behind_proxy = yes;
        self
    }
}

/// What all handlers share.
#[derive(Debug)]
pub(super) struct App {
    pub(super) database: Database,
    options: ServerOptions,
    permits: Arc<Semaphore>,
}

impl App {
    /// How many items a list has at most.
    pub(super) fn max_limit(&self) -> usize {
        self.options.max_limit
    }

    /// The greatest body, in bytes, also of one that a handler unpacks.
    pub(super) fn max_body(&self) -> usize {
        self.options.max_body
    }
}

/// Gnocchi's HTTP API at an address.
#[derive(Debug)]
pub struct Server {
    runtime: tokio::runtime::Runtime,
    listener: TcpListener,
    options: ServerOptions,
}

impl Server {
    /// Begins to listen at `address`; requests wait until [`run`](Self::run). Port 0 is any that is free.
    ///
    /// Users are known by name only, so an address that others can reach is refused.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` when `address` is not one of this machine's own (127.0.0.0/8, `::1`); and what the system
    /// says when it cannot be listened at, or no threads can be started.
    pub fn bind(address: SocketAddr, options: ServerOptions) -> std::io::Result<Self> {
        if !address.ip().is_loopback() {
            let reason = format!("{address} can be reached from outside, and users need no password; use 127.0.0.1");
            return Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, reason));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind(address))?;
        Ok(Server { runtime, listener, options })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves `database` until SIGTERM or SIGINT: then no connection is accepted any more, requests under way are
    /// answered, and the database is handed back to be closed.
    ///
    /// # Errors
    ///
    /// What the system says when it cannot be waited for signals.
    pub fn run(self, database: Database) -> std::io::Result<Database> {
        let permits = Arc::new(Semaphore::new(self.options.concurrency));
        let timeout = TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, self.options.timeout);
        let origins = Arc::clone(&self.options.origins);
        let app = Arc::new(App { database, options: self.options, permits });
        let routes = super::routes(Arc::clone(&app))
            .layer(timeout)
            .layer(RequestDecompressionLayer::new().pass_through_unaccepted(true));
        let routes = routes.layer(CompressionLayer::new());
        let routes = routes.layer(axum::middleware::from_fn_with_state(origins, super::cors::allow));
        self.runtime.block_on(async {
            let end = asked_to_end()?;
            axum::serve(self.listener, routes).with_graceful_shutdown(end).await
        })?;
        // Waits for handlers whose request ran out of time: they hold the database.
        drop(self.runtime);
        Arc::try_unwrap(app).map(|app| app.database).map_err(|_| std::io::Error::other("a handler is still running"))
    }
}

/// Resolves when the process is asked to end.
fn asked_to_end() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// What answers a request; it may block.
pub(super) type Handler = fn(&App, &Call) -> Result<Reply, Failure>;

/// What stands in a path or a query, in its order.
type Pairs = Vec<(String, String)>;

/// An answer that is being made.
type Answering = Pin<Box<dyn Future<Output = Response> + Send>>;

/// A route's end: reads the request, lets `handler` answer it on the pool, and logs both.
pub(super) fn on(
    handler: Handler,
) -> impl Fn(State<Arc<App>>, Path<Pairs>, Query<Pairs>, Request) -> Answering + Clone + Send + Sync + 'static {
    move |State(app), Path(path), Query(query), request| Box::pin(answer(app, handler, path, query, request))
}

async fn answer(app: Arc<App>, handler: Handler, path: Pairs, query: Pairs, request: Request) -> Response {
    let began = Instant::now();
    let (head, body) = request.into_parts();
    let (method, uri) = (head.method.clone(), head.uri.clone());
    let body = to_bytes(body, app.options.max_body).await;
    let mut call = Call {
        method: head.method,
        at: uri.path().to_owned(),
        origin: super::origin::of(&head.headers, app.options.behind_proxy),
        headers: head.headers,
        path: path.into_iter().collect(),
        query: query.into_iter().collect(),
        body: axum::body::Bytes::new(),
    };
    let as_json = call.names_json();
    let user = call.user().map(|user| user.name().to_owned()).unwrap_or_default();
    let result = match body {
        Ok(_) if call.is_packed() => Err(Failure::of(StatusCode::UNSUPPORTED_MEDIA_TYPE)),
        Ok(body) => {
            call.body = body;
            handle(app, handler, call).await
        }
        Err(error) => Err(unread(&error)),
    };
    let response = match result {
        Ok(reply) => reply.into_response(),
        Err(failure) => failure.response(as_json),
    };
    let (status, micros) = (response.status().as_u16(), began.elapsed().as_micros() as u64);
    tracing::info!(target: "gnocchetti::access", %method, path = uri.path(), status, micros, user);
    response
}

/// Why a body could not be read.
fn unread(error: &axum::Error) -> Failure {
    if error.source().is_some_and(<dyn std::error::Error>::is::<LengthLimitError>) {
        return Failure::of(StatusCode::PAYLOAD_TOO_LARGE);
    }
    Failure::bad(format!("The body cannot be read: {error}"))
}

/// Lets the handler answer, when its turn comes. A handler that began also ends: what it does is not undone by a client
/// that goes away.
async fn handle(app: Arc<App>, handler: Handler, call: Call) -> Result<Reply, Failure> {
    let permit = Arc::clone(&app.permits).acquire_owned().await;
    let permit = permit.map_err(|_| Failure::of(StatusCode::SERVICE_UNAVAILABLE))?;
    let handled = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        if call.takes_json() { handler(&app, &call) } else { Err(Failure::of(StatusCode::NOT_ACCEPTABLE)) }
    });
    handled.await.unwrap_or_else(|error| Err(Failure::internal(&error)))
}
