//! The server: connections, limits, the pool of handlers, the access log, and the end.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower_http::compression::CompressionLayer;
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::timeout::TimeoutLayer;

use super::bodies::Bodies;
use super::call::{Call, Reply};
use super::collectd::Collectd;
use super::connections::{self, Limits};
use super::door::Door;
use super::failure::Failure;
use super::listener::{Counters, Listener};
use super::options::{Auth, ServerOptions};
use super::policy::Policies;
use super::statsd::Statsd;
use super::telemetry::Telemetry;
use super::tls::Tls;
use crate::Database;

/// How many bytes of bodies are held at a time, unless four of the greatest ones are more.
const ROOM_FOR_BODIES: usize = 256 << 20;

/// The greatest body of somebody whom nobody knows: what is public needs none.
const BODY_OF_NOBODY: usize = 16 << 10;

/// What all handlers share.
#[derive(Debug)]
pub(super) struct App {
    pub(super) database: Database,
    options: ServerOptions,
    door: Arc<Door>,
    bodies: Bodies,
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

    /// How it is known who asks.
    pub(super) fn auth(&self) -> Auth {
        self.options.auth
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
    signals: Signals,
    listener: TcpListener,
    agents: Vec<Listener>,
    options: ServerOptions,
    door: Arc<Door>,
    tls: Option<Tls>,
}

impl Server {
    /// Begins to listen at `address`; requests wait until [`run`](Self::run). Port 0 is any that is free.
    ///
    /// An address that others can reach is refused where users are known by name only, or send passwords that can be
    /// read on the way, and for datagrams, whose senders nobody knows, unless the options say otherwise.
    ///
    /// From the beginning of this call on, SIGTERM and SIGINT do not end the process: [`run`](Self::run) does what they ask for, also when
    /// they came before it.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` when an address is not one of this machine's own (127.0.0.0/8, `::1`) and that is not safe;
    /// `InvalidData` and `InvalidInput` for a certificate or passwords that cannot be used, or a resource that cannot be called
    /// so; and what the system says when it cannot be listened at, or no threads can be started.
    pub fn bind(address: SocketAddr, options: ServerOptions) -> std::io::Result<Self> {
        refuse_datagrams_from_outside(&options)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let signals = {
            let _inside = runtime.enter();
            Signals::heard()?
        };
        let door = Arc::new(Door::of(&options)?);
        let tls = options.tls.clone().map(Tls::of).transpose()?;
        let unsafe_for = match (door.asks_for_secrets(), &tls) {
            (false, _) if !options.open => Some("users need no password; use 127.0.0.1, or say that all may come"),
            (true, None) if !options.plain => {
                Some("passwords could be read on the way; use TLS, or say that plain HTTP is meant")
            }
            _ => None,
        };
        if let Some(why) = unsafe_for.filter(|_| !address.ip().is_loopback()) {
            let reason = format!("{address} can be reached from outside, and {why}");
            return Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, reason));
        }
        let listener = runtime.block_on(TcpListener::bind(address))?;
        let mut agents = Vec::new();
        if let Some(statsd) = &options.statsd {
            agents.push(runtime.block_on(statsd.listen())?);
        }
        if let Some(collectd) = &options.collectd {
            agents.push(runtime.block_on(collectd.listen())?);
        }
        Ok(Server { runtime, signals, listener, agents, options, door, tls })
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
    /// answered, what came in datagrams is pushed, and the database is handed back to be closed. At SIGHUP passwords and
    /// certificate are read anew.
    ///
    /// # Errors
    ///
    /// When a task of the server did not end by itself.
    pub fn run(self, database: Database) -> std::io::Result<Database> {
        let permits = Arc::new(Semaphore::new(self.options.concurrency));
        let timeout = TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, self.options.timeout);
        let origins = Arc::clone(&self.options.origins);
        let limits = Limits {
            connections: self.options.connections,
            client: self.options.client_timeout,
            end: self.options.timeout + Duration::from_secs(5),
        };
        let app = Arc::new(App {
            database,
            bodies: Bodies::of(ROOM_FOR_BODIES.max(self.options.max_body.saturating_mul(4))),
            options: self.options,
            door: Arc::clone(&self.door),
            permits,
            telemetry: Telemetry::default(),
            agents: self.agents.iter().map(Listener::counters).collect(),
        });
        let routes = super::routes(Arc::clone(&app))
            .layer(timeout)
            .layer(RequestDecompressionLayer::new().pass_through_unaccepted(true));
        let routes = routes.layer(CompressionLayer::new());
        let routes = routes.layer(axum::middleware::from_fn_with_state(origins, super::cors::allow));
        // Around the routes, as it changes what they are looked up by.
        let routes = Router::new().fallback_service(routes).layer(axum::middleware::map_request(super::straight::path));
        self.runtime.block_on(async {
            let Signals { terminate, interrupt, reload } = self.signals;
            tokio::spawn(reload_when_asked(reload, self.door, self.tls.clone()));
            let (at_end, _) = watch::channel(false);
            let run = |agent: Listener| tokio::spawn(agent.run(Arc::clone(&app), at_end.subscribe()));
            let agents: Vec<_> = self.agents.into_iter().map(run).collect();
            connections::serve(self.listener, routes, limits, self.tls, asked_to_end(terminate, interrupt)).await;
            at_end.send_replace(true);
            for agent in agents {
                agent.await?;
            }
            Ok::<_, std::io::Error>(())
        })?;
        // Waits for handlers whose request ran out of time: they hold the database.
        drop(self.runtime);
        Arc::try_unwrap(app).map(|app| app.database).map_err(|_| std::io::Error::other("a handler is still running"))
    }
}

/// Nobody knows who sends datagrams, whatever users of the API have to prove.
fn refuse_datagrams_from_outside(options: &ServerOptions) -> std::io::Result<()> {
    let of_statsd = options.statsd.iter().map(Statsd::address);
    let mut addresses = of_statsd.chain(options.collectd.iter().map(Collectd::address));
    match addresses.find(|address| !address.ip().is_loopback() && !options.open) {
        Some(address) => {
            let reason = format!(
                "{address} can be reached from outside, and whoever sends datagrams needs no password; use 127.0.0.1, or say that all may come"
            );
            Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, reason))
        }
        None => Ok(()),
    }
}

/// What the process is told by signals, also before somebody asks for it.
#[derive(Debug)]
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    reload: Signal,
}

impl Signals {
    /// Those that come from now on.
    fn heard() -> std::io::Result<Self> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            reload: signal(SignalKind::hangup())?,
        })
    }
}

/// Resolves when the process is asked to end.
async fn asked_to_end(mut terminate: Signal, mut interrupt: Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Reads passwords and certificate anew at each signal. What cannot be used is logged, and what was there stays.
async fn reload_when_asked(mut asked: Signal, door: Arc<Door>, tls: Option<Tls>) {
    while asked.recv().await.is_some() {
        let (door, tls) = (Arc::clone(&door), tls.clone());
        let read = tokio::task::spawn_blocking(move || [door.reload(), tls.map_or(Ok(()), |tls| tls.reload())]);
        let Ok(results) = read.await else { continue };
        let failures: Vec<_> = results.into_iter().filter_map(Result::err).collect();
        for error in &failures {
            tracing::error!(%error, "what was there before stays in use");
        }
        if failures.is_empty() {
            tracing::info!("passwords and certificate are read anew");
        }
    }
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
    let challenge = app.door.challenge();
    let caller = app.door.who(&head.headers).await;
    let user = caller.as_ref().map(|user| user.name().to_owned()).unwrap_or_default();
    let come_again = caller.as_ref().err() == Some(&StatusCode::SERVICE_UNAVAILABLE);
    let body = match &caller {
        Ok(_) => app.bodies.read(body, app.options.max_body).await,
        // Who is nobody must not take the memory that others need.
        Err(status) => {
            let read = app.bodies.read(body, app.options.max_body.min(BODY_OF_NOBODY)).await;
            read.map_err(|_| Failure::of(*status))
        }
    };
    let scheme = if app.options.tls.is_some() { "https" } else { "http" };
    let mut call = Call {
        method: head.method,
        at: uri.path().to_owned(),
        origin: super::origin::of(&head.headers, scheme, app.options.behind_proxy),
        headers: head.headers,
        path: path.into_iter().collect(),
        query: query.into_iter().collect(),
        caller,
        body: axum::body::Bytes::new(),
    };
    let as_json = call.names_json();
    let result = match body {
        Ok(_) if call.is_packed() => Err(Failure::of(StatusCode::UNSUPPORTED_MEDIA_TYPE)),
        Ok(body) => {
            call.body = body.bytes;
            handle(app, handler, call, body.room).await
        }
        Err(failure) => Err(failure),
    };
    let mut response = match result {
        Ok(reply) => reply.into_response(),
        Err(failure) => failure.response(as_json),
    };
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    // It could not be found out who asks: too many had to be, or who knows is away.
    if come_again && response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    let took = began.elapsed();
    let (status, micros) = (response.status().as_u16(), took.as_micros() as u64);
    underway.end(status, took);
    tracing::info!(target: "gnocchetti::access", %method, path = uri.path(), status, micros, user);
    response
}

/// Lets the handler answer, when its turn comes. A handler that began also ends: what it does is not undone by a client
/// that goes away. So it holds the body's room itself.
async fn handle(app: Arc<App>, handler: Handler, call: Call, room: OwnedSemaphorePermit) -> Result<Reply, Failure> {
    let permit = Arc::clone(&app.permits).acquire_owned().await;
    let permit = permit.map_err(|_| Failure::of(StatusCode::SERVICE_UNAVAILABLE))?;
    let handled = tokio::task::spawn_blocking(move || {
        let _held = (permit, room);
        if call.takes_json() { handler(&app, &call) } else { Err(Failure::of(StatusCode::NOT_ACCEPTABLE)) }
    });
    handled.await.unwrap_or_else(|error| Err(Failure::internal(&error)))
}
