//! How a server behaves: limits, proxies, secrets, and who may do what.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::collectd::Collectd;
use super::keystone::KeystoneOptions;
use super::policy::Policies;
use super::statsd::Statsd;

/// How it is known who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Auth {
    /// By the name in basic authentication; no password is looked at.
    #[default]
    Basic,
    /// By the header `X-Remote-User`, which a proxy sets that knows, and lets no client set.
    RemoteUser,
    /// Everybody is the administrator.
    NoAuth,
}

/// What clients are shown by TLS, and how it is proven: PEM, as it stands in files.
#[derive(Clone, Default)]
pub struct Certificate {
    /// The server's certificate, and after it those that lead to one that clients know.
    pub chain: Vec<u8>,
    /// The private key of the first one.
    pub key: Vec<u8>,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").finish_non_exhaustive()
    }
}

/// What is read at start, and again at each SIGHUP.
pub(super) struct Source<T>(Arc<dyn Fn() -> std::io::Result<T> + Send + Sync>);

impl<T> Source<T> {
    /// What it is now.
    pub(super) fn read(&self) -> std::io::Result<T> {
        (self.0)()
    }
}

impl<T> Clone for Source<T> {
    fn clone(&self) -> Self {
        Source(Arc::clone(&self.0))
    }
}

impl<T> std::fmt::Debug for Source<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").finish_non_exhaustive()
    }
}

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
    pub(super) max_body: usize,
    pub(super) timeout: Duration,
    pub(super) concurrency: usize,
    pub(super) max_limit: usize,
    pub(super) origins: Arc<[String]>,
    pub(super) default_methods: Vec<String>,
    pub(super) behind_proxy: bool,
    pub(super) policies: Arc<Policies>,
    pub(super) open: bool,
    pub(super) auth: Auth,
    pub(super) htpasswd: Option<Source<String>>,
    pub(super) keystone: Option<KeystoneOptions>,
    pub(super) tls: Option<Source<Certificate>>,
    pub(super) plain: bool,
    pub(super) connections: usize,
    pub(super) client_timeout: Duration,
    pub(super) statsd: Option<Statsd>,
    pub(super) collectd: Option<Collectd>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        ServerOptions {
            max_body: 16 << 20,
            timeout: Duration::from_secs(60),
            concurrency: 64,
            max_limit: 1000,
            origins: Arc::new([]),
            default_methods: Vec::new(),
            behind_proxy: false,
            policies: Arc::new(Policies::default()),
            open: false,
            auth: Auth::Basic,
            htpasswd: None,
            keystone: None,
            tls: None,
            plain: false,
            connections: 1024,
            client_timeout: Duration::from_secs(30),
            statsd: None,
            collectd: None,
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

    /// What an archive policy keeps that is created without aggregation methods: Gnocchi's six when this is empty.
    #[must_use]
    pub fn default_aggregation_methods(mut self, methods: impl IntoIterator<Item = String>) -> Self {
        self.default_methods = methods.into_iter().collect();
        self
    }

    /// Whether requests come through a proxy that says by `Forwarded` or `X-Forwarded-…` where clients see this server.
    #[must_use]
    pub fn behind_proxy(mut self, yes: bool) -> Self {
        self.behind_proxy = yes;
        self
    }

    /// Who may do what, where it is not as by default: what stands in Gnocchi's `policy.yaml`, one `"name": "rule"` on
    /// each line.
    ///
    /// ```
    /// use gnocchetti::rest::ServerOptions;
    ///
    /// let options = ServerOptions::new().policy("\"get metric\": \"role:admin\"")?;
    /// let refused = ServerOptions::new().policy("\"get metric\": \"role:admin or\"").unwrap_err();
    /// assert_eq!(refused.to_string(), "the rules cannot be taken: line 1: a rule ends too early");
    /// # let _ = options;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidData` for rules that cannot be evaluated, with the line.
    pub fn policy(mut self, rules: &str) -> std::io::Result<Self> {
        let refused =
            |why| std::io::Error::new(std::io::ErrorKind::InvalidData, format!("the rules cannot be taken: {why}"));
        self.policies = Arc::new(Policies::with(rules).map_err(refused)?);
        Ok(self)
    }

    /// How it is known who asks.
    #[must_use]
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }

    /// Users have passwords: `read` gives lines `name:hash` with hashes of bcrypt, as `htpasswd -B` writes them. It is called
    /// when the server begins to listen, and at each SIGHUP. For [`Auth::Basic`] alone.
    #[must_use]
    pub fn htpasswd(mut self, read: impl Fn() -> std::io::Result<String> + Send + Sync + 'static) -> Self {
        self.htpasswd = Some(Source(Arc::new(read)));
        self
    }

    /// Users are known by tokens of Keystone in `X-Auth-Token`, whatever [`Auth`] says: what they create belongs to their
    /// project, and their roles are those of rules.
    #[must_use]
    pub fn keystone(mut self, keystone: KeystoneOptions) -> Self {
        self.keystone = Some(keystone);
        self
    }

    /// Speaks TLS, and nothing else, with the certificate that `read` gives. It is called when the server begins to listen,
    /// and at each SIGHUP.
    #[must_use]
    pub fn tls(mut self, read: impl Fn() -> std::io::Result<Certificate> + Send + Sync + 'static) -> Self {
        self.tls = Some(Source(Arc::new(read)));
        self
    }

    /// Whether to listen without TLS where other machines reach it, though passwords can be read on the way. For a
    /// network that is trusted, and behind a proxy that speaks TLS.
    #[must_use]
    pub fn plain_http(mut self, yes: bool) -> Self {
        self.plain = yes;
        self
    }

    /// How many connections there are at a time, at least one; others wait.
    #[must_use]
    pub fn connections(mut self, most: usize) -> Self {
        self.connections = most.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// How long a client may take for a TLS handshake, for the head of a request (from when it is there, or has its last
    /// answer), or take nothing of an answer that waits for it; then its connection ends.
    #[must_use]
    pub fn client_timeout(mut self, limit: Duration) -> Self {
        self.client_timeout = limit;
        self
    }

    /// Whether to listen also where other machines reach it, though users need no password: whoever gets there may do
    /// everything. For a network on which everybody may, and behind a proxy that asks who it is.
    #[must_use]
    pub fn open_to_everybody(mut self, yes: bool) -> Self {
        self.open = yes;
        self
    }
    /// Listens for statsd, too.
    #[must_use]
    pub fn statsd(mut self, statsd: Statsd) -> Self {
        self.statsd = Some(statsd);
        self
    }
    /// Listens for collectd's network protocol, too; what it posts in JSON needs no option.
    #[must_use]
    pub fn collectd(mut self, collectd: Collectd) -> Self {
        self.collectd = Some(collectd);
        self
    }
}
