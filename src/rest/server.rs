//! The server: connections, limits, the pool of handlers, the access log, and the end.

use std::error::Error as _;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use axum::body::to_bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use http_body_util::LengthLimitError;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tower_http::compression::CompressionLayer;
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::timeout::TimeoutLayer;

use super::call::{Call, Reply};
use super::collectd::Collectd;
use super::failure::Failure;
use super::listener::{Counters, Listener};
use super::options::ServerOptions;
use super::policy::Policies;
use super::statsd::Statsd;
use super::telemetry::Telemetry;
use crate::Database;

/// What all handlers share.
#[derive(Debug)]
pub(super) struct App {
    pub(super) database: Database,
    options: ServerOptions,
    permits: Arc<Semaphore>,
    telemetry: Telemetry,
    agents: Vec<Arc<Counters>>,
}

impl App {
    /// Counters of what comes in datagrams.
    pub(super) fn agents(&self) -> &[Arc<Counters>] {
        &self.agents
    }

    /// Counters of requests.
    pub(super) fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Who may do what.
    pub(super) fn policies(&self) -> &Policies {
        &self.options.policies
    }

    /// The aggregation methods of a policy that names none.
    pub(super) fn default_methods(&self) -> &[String] {
        &self.options.default_methods
    }

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
    agents: Vec<Listener>,
    options: ServerOptions,
}

impl Server {
    /// Begins to listen at `address`; requests wait until [`run`](Self::run). Port 0 is any that is free.
    ///
    /// Users are known by name only, and senders of datagrams not at all, so an address that others can reach is refused,
    /// unless the options say otherwise.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` when `address` is not one of this machine's own (127.0.0.0/8, `::1`) and not everybody may come;
    /// `InvalidInput` for a resource that cannot be called so; and what the system says when it cannot be listened at, or no
    /// threads can be started.
    pub fn bind(address: SocketAddr, options: ServerOptions) -> std::io::Result<Self> {
        let datagrams =
            options.statsd.iter().map(Statsd::address).chain(options.collectd.iter().map(Collectd::address));
        for address in datagrams.chain([address]) {
            if !address.ip().is_loopback() && !options.open {
                let reason = format!(
                    "{address} can be reached from outside, and users need no password; use 127.0.0.1, or say that all may come"
                );
                return Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, reason));
            }
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind(address))?;
        let mut agents = Vec::new();
        if let Some(statsd) = &options.statsd {
            agents.push(runtime.block_on(statsd.listen())?);
        }
        if let Some(collectd) = &options.collectd {
            agents.push(runtime.block_on(collectd.listen())?);
        }
        Ok(Server { runtime, listener, agents, options })
    }

    /// Where it listens for datagrams, by protocol.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn datagrams(&self) -> std::io::Result<Vec<(&'static str, SocketAddr)>> {
        self.agents.iter().map(Listener::place).collect()
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
    /// answered, what came in datagrams is pushed, and the database is handed back to be closed.
    ///
    /// # Errors
    ///
    /// What the system says when it cannot be waited for signals.
    pub fn run(self, database: Database) -> std::io::Result<Database> {
        let permits = Arc::new(Semaphore::new(self.options.concurrency));
        let timeout = TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, self.options.timeout);
        let origins = Arc::clone(&self.options.origins);
        let agents = self.agents.iter().map(Listener::counters).collect();
        let telemetry = Telemetry::default();
        let app = Arc::new(App { database, options: self.options, permits, telemetry, agents });
        let routes = super::routes(Arc::clone(&app))
            .layer(timeout)
            .layer(RequestDecompressionLayer::new().pass_through_unaccepted(true));
        let routes = routes.layer(CompressionLayer::new());
        let routes = routes.layer(axum::middleware::from_fn_with_state(origins, super::cors::allow));
        self.runtime.block_on(async {
            let end = asked_to_end()?;
            let (at_end, _) = watch::channel(false);
            let run = |agent: Listener| tokio::spawn(agent.run(Arc::clone(&app), at_end.subscribe()));
            let agents: Vec<_> = self.agents.into_iter().map(run).collect();
            let served = axum::serve(self.listener, routes).with_graceful_shutdown(end).await;
            at_end.send_replace(true);
            for agent in agents {
                agent.await?;
            }
            served
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
    let counted = Arc::clone(&app);
    let underway = counted.telemetry.begin();
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
        auth: app.options.auth,
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
    let took = began.elapsed();
    let (status, micros) = (response.status().as_u16(), took.as_micros() as u64);
    underway.end(status, took);
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
