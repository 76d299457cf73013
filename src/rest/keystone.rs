//! Tokens of `OpenStack`'s Keystone (v3): who a token belongs to, in which project, with which roles.
//!
//! A token that came with a request is shown to Keystone, with a token that this server gets by its own password. What Keystone
//! says is remembered until the token ends, but not longer than the options say: so long a token that was revoked is still
//! taken, and so long Keystone may be away from those who were there before. Whoever is not remembered then is answered 503,
//! never let in. Tokens and passwords are neither logged nor kept as they are.

#[cfg(test)]
mod tests;

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::User;
use super::checks::{Checks, Found};
use super::outbound::{Answer, Peer, Trust};
use crate::{Database, Timestamp};

/// How many questions are asked at a time.
const AT_A_TIME: usize = 16;

/// How many tokens wait to be asked about: a second's work of a Keystone that is well.
const WAITING: usize = 256;

const X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
const X_SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");

/// Where Keystone is, and who this server is there: a user that may look at others' tokens.
#[derive(Clone)]
pub struct KeystoneOptions {
    /// Its URL, with or without `/v3`.
    pub url: String,
    /// Its URL as clients are told it, when that is another.
    pub public_url: Option<String>,
    /// This server's user, and its password.
    pub username: String,
    /// Its password.
    pub password: String,
    /// The domain of the user: its name, or `id:` and its id.
    pub user_domain: String,
    /// The project in which the user has the right to look at tokens.
    pub project: String,
    /// The domain of the project, as that of the user.
    pub project_domain: String,
    /// For `https`: the certificates of the authorities that Keystone is known by, in PEM.
    pub authorities: Vec<u8>,
    /// For `https`: any certificate is taken, so whoever is on the way may say that he is Keystone, and who asks. For tests.
    pub insecure: bool,
    /// How long an answer of Keystone may take.
    pub timeout: Duration,
    /// How long a token is taken without asking again.
    pub remembered: Duration,
}

impl std::fmt::Debug for KeystoneOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("KeystoneOptions");
        shown.field("url", &self.url).field("username", &self.username).finish_non_exhaustive()
    }
}

/// A Keystone that is asked.
#[derive(Debug)]
pub(super) struct Keystone {
    peer: Peer,
    options: KeystoneOptions,
    challenge: HeaderValue,
    /// This server's own token.
    own: Mutex<Option<HeaderValue>>,
    checks: Checks<User>,
}

/// Why nothing is known of a token.
#[derive(Debug, PartialEq, Eq)]
enum Unknown {
    /// It is none, or is no longer one.
    Invalid,
    /// This server's own token is none, or is no longer one.
    OwnToken,
    /// Keystone cannot be asked, or says what cannot be understood.
    Unavailable(String),
}

/// What Keystone says of a token.
#[derive(Debug, Deserialize)]
struct Token {
    user: Named,
    #[serde(default)]
    project: Option<Named>,
    #[serde(default)]
    domain: Option<Named>,
    #[serde(default)]
    roles: Vec<Role>,
    expires_at: String,
}

#[derive(Debug, Deserialize)]
struct Named {
    id: String,
}

#[derive(Debug, Deserialize)]
struct Role {
    name: String,
}

impl Keystone {
    /// The Keystone of these options; it is not asked yet.
    ///
    /// # Errors
    ///
    /// What is wrong with the options.
    pub(super) fn of(options: &KeystoneOptions) -> Result<Self, String> {
        let url = options.url.trim_end_matches('/');
        let url = if url.ends_with("/v3") { url.to_owned() } else { format!("{url}/v3") };
        let trust = if options.insecure { Trust::Anybody } else { Trust::Authorities(&options.authorities) };
        let peer = Peer::at(&url, trust, options.timeout).map_err(|why| format!("Keystone: {why}"))?;
        if [&options.username, &options.password, &options.project].iter().any(|text| text.is_empty()) {
            return Err("Keystone: user name, password and project of this server are needed".to_owned());
        }
        let public = options.public_url.as_deref().unwrap_or(&url);
        let refused = |_| format!("Keystone: `{public}` is no URL that clients can be told");
        let challenge = HeaderValue::try_from(format!("Keystone uri=\"{public}\"")).map_err(refused)?;
        let checks = Checks::of(AT_A_TIME, WAITING).map_err(|error| error.to_string())?;
        Ok(Keystone { peer, options: options.clone(), challenge, own: Mutex::default(), checks })
    }

    /// What a client is told that has no token, or a wrong one.
    pub(super) fn challenge(&self) -> &HeaderValue {
        &self.challenge
    }

    /// Who asks, by the token in `X-Auth-Token`: 401 when there is none, or one that is not valid; 503 when Keystone does not
    /// say, or too many tokens wait to be asked about.
    pub(super) async fn who(&self, headers: &HeaderMap) -> Result<User, StatusCode> {
        let given = headers.get(X_AUTH_TOKEN).ok_or(StatusCode::UNAUTHORIZED)?;
        let secret = [given.to_str().map_err(|_| StatusCode::UNAUTHORIZED)?];
        let found = self.checks.find(&secret, async |turn| {
            let said = self.validate(given).await;
            drop(turn);
            self.found(said)
        });
        match found.await {
            Found::Right(user) => Ok(user),
            Found::Wrong => Err(StatusCode::UNAUTHORIZED),
            Found::Unknown => Err(StatusCode::SERVICE_UNAVAILABLE),
        }
    }

    /// What Keystone's answer says of a token, and how long that is remembered.
    fn found(&self, said: Result<(User, Duration), Unknown>) -> (Found<User>, Duration) {
        match said {
            Ok((user, left)) => (Found::Right(user), left.min(self.options.remembered)),
            Err(Unknown::Invalid) => (Found::Wrong, self.options.remembered),
            Err(Unknown::OwnToken) => {
                tracing::error!("Keystone takes this server's own token no more, though it is new");
                (Found::Unknown, Duration::ZERO)
            }
            Err(Unknown::Unavailable(why)) => {
                tracing::error!(why, "Keystone does not say whom a token belongs to");
                (Found::Unknown, Duration::ZERO)
            }
        }
    }

    /// Asks Keystone about a token; with a new one of this server's own when the old one is no longer good.
    async fn validate(&self, given: &HeaderValue) -> Result<(User, Duration), Unknown> {
        let remembered = self.own.lock().clone();
        if let Some(own) = remembered {
            match self.look(given, own).await {
                Err(Unknown::OwnToken) => {}
                said => return said,
            }
        }
        let own = self.log_in().await?;
        *self.own.lock() = Some(own.clone());
        self.look(given, own).await
    }

    /// Asks Keystone about a token: whom it belongs to, and how long still.
    async fn look(&self, given: &HeaderValue, mut own: HeaderValue) -> Result<(User, Duration), Unknown> {
        own.set_sensitive(true);
        let headers = [(X_AUTH_TOKEN, own), (X_SUBJECT_TOKEN, given.clone())];
        let answer = self.ask(Method::GET, "/auth/tokens?nocatalog", &headers, Vec::new()).await?;
        match answer.status {
            StatusCode::OK => read(&answer.body, Database::now()),
            StatusCode::NOT_FOUND => Err(Unknown::Invalid),
            StatusCode::UNAUTHORIZED => Err(Unknown::OwnToken),
            status => Err(Unknown::Unavailable(format!("it answers {status} when asked for a token"))),
        }
    }

    /// A token of this server's own.
    async fn log_in(&self) -> Result<HeaderValue, Unknown> {
        let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        let answer = self.ask(Method::POST, "/auth/tokens", &json, self.credentials().to_string().into()).await?;
        let token = answer.headers.get(X_SUBJECT_TOKEN).filter(|_| answer.status == StatusCode::CREATED);
        let refused = || {
            let user = &self.options.username;
            Unknown::Unavailable(format!("it answers {} when this server logs in as {user}", answer.status))
        };
        token.cloned().ok_or_else(refused)
    }

    fn credentials(&self) -> Value {
        let options = &self.options;
        let user =
            json!({"name": options.username, "password": options.password, "domain": domain(&options.user_domain)});
        let project = json!({"name": options.project, "domain": domain(&options.project_domain)});
        json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": project},
        }})
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
        body: Vec<u8>,
    ) -> Result<Answer, Unknown> {
        let asked = self.peer.ask(method, path, headers, body).await;
        asked.map_err(|error| Unknown::Unavailable(format!("it cannot be asked: {error}")))
    }
}

/// A domain as it stands in a request.
fn domain(said: &str) -> Value {
    match said.strip_prefix("id:") {
        Some(id) => json!({"id": id}),
        None => json!({"name": said}),
    }
}

/// Whom a token belongs to, and how long it is still good at `now`.
fn read(body: &[u8], now: Timestamp) -> Result<(User, Duration), Unknown> {
    #[derive(Deserialize)]
    struct Said {
        token: Token,
    }
    let nonsense = |why: String| Unknown::Unavailable(format!("what it says of a token is not understood: {why}"));
    let token = serde_json::from_slice::<Said>(body).map_err(|error| nonsense(error.to_string()))?.token;
    let end = token.expires_at.parse::<Timestamp>().map_err(|error| nonsense(error.to_string()))?;
    let left = u64::try_from(end.nanos() - now.nanos()).map_err(|_| Unknown::Invalid)?;
    let id = |named: Option<Named>| named.map(|named| named.id);
    let roles = token.roles.into_iter().map(|role| role.name).collect();
    let user = User::vouched(token.user.id, id(token.project), id(token.domain), roles);
    Ok((user, Duration::from_nanos(left)))
}
