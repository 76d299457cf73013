//! Who asks, and whether it may: what the rules say of a caller, put to the database as filters.

use axum::http::{HeaderMap, StatusCode, header};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::failure::Failure;
use super::options::Auth;
use super::policy::{Decision, Target};
use super::server::App;
use crate::{Error, Filter, Metric, MetricKey};

/// The name of the user that may do everything.
const ADMIN: &str = "admin";

/// The name and the password in the `Authorization` header, by basic authentication.
pub(super) fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, credentials) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let decoded = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(credentials.trim()).ok())??;
    let text = String::from_utf8(decoded).ok()?;
    text.split_once(':').map(|(name, password)| (name.to_owned(), password.to_owned()))
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    /// What is written down as the creator.
    name: String,
    roles: Vec<String>,
    /// What somebody else vouches for; otherwise there is no more than a name.
    vouched: Option<Vouched>,
}

/// A user of Keystone, by the ids that it has there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Vouched {
    user: String,
    project: Option<String>,
    domain: Option<String>,
}

impl User {
    /// The user of this name.
    pub(super) fn named(name: &str) -> Self {
        let roles = if name == ADMIN { vec![ADMIN.to_owned()] } else { Vec::new() };
        User { name: name.to_owned(), roles, vouched: None }
    }

    /// The user of Keystone with these ids, and the roles that it has in this project or domain. What it creates bears
    /// both ids, of which rules know the second one as that of the project.
    pub(super) fn vouched(
        user_id: String,
        project_id: Option<String>,
        domain_id: Option<String>,
        roles: Vec<String>,
    ) -> Self {
        let name = format!("{user_id}:{}", project_id.as_deref().unwrap_or_default());
        User { name, roles, vouched: Some(Vouched { user: user_id, project: project_id, domain: domain_id }) }
    }

    /// The user that asks, as `auth` knows it; a password is not looked at.
    pub(super) fn of(headers: &HeaderMap, auth: Auth) -> Option<Self> {
        match auth {
            Auth::Basic => credentials(headers).map(|(name, _)| User::named(&name)),
            Auth::RemoteUser => User::named_by_proxy(headers),
            Auth::NoAuth => Some(User::named(ADMIN)),
        }
    }

    /// The user that a proxy names; none when the header is there twice, as then one of them may be a client's.
    fn named_by_proxy(headers: &HeaderMap) -> Option<Self> {
        let mut named = headers.get_all("x-remote-user").into_iter();
        let name = named.next()?.to_str().ok()?.trim();
        (named.next().is_none() && !name.is_empty()).then(|| User::named(name))
    }

    /// Which resources it may write to: those it created, or somebody of its project did, or all when there is no filter.
    pub(super) fn owned(&self) -> Option<Filter> {
        if self.has_role(ADMIN) {
            return None;
        }
        let project = self.vouched.as_ref().and_then(|vouched| vouched.project.as_deref());
        Some(match project {
            Some(project) => Filter::eq("created_by_project_id", project),
            None => Filter::eq("creator", self.name.as_str()),
        })
    }

    /// Refuses to do what no metric is needed for, unless the rule `name` lets it.
    pub(super) fn must(&self, app: &App, name: &str) -> Result<(), Failure> {
        match app.policies().decide(name, self, Target::Other) {
            Decision::Everything => Ok(()),
            Decision::Found(_) | Decision::Nothing => Err(Failure::of(StatusCode::FORBIDDEN)),
        }
    }

    /// The metrics that it may do this with, by the rule `name`: all when there is no filter.
    pub(super) fn metrics_for(&self, app: &App, name: &str) -> Result<Option<Filter>, Failure> {
        match app.policies().decide(name, self, Target::Metric) {
            Decision::Everything => Ok(None),
            Decision::Found(filter) => Ok(Some(filter)),
            Decision::Nothing => Err(Failure::of(StatusCode::FORBIDDEN)),
        }
    }

    /// As [`metrics_for`](Self::metrics_for), the resources.
    pub(super) fn resources_for(&self, app: &App, name: &str) -> Result<Option<Filter>, Failure> {
        match app.policies().decide(name, self, Target::Resource) {
            Decision::Everything => Ok(None),
            Decision::Found(filter) => Ok(Some(filter)),
            Decision::Nothing => Err(Failure::of(StatusCode::FORBIDDEN)),
        }
    }

    /// Refuses to do something with a metric, unless the rule `name` lets it.
    pub(super) fn must_with(&self, app: &App, name: &str, metric: &Metric) -> Result<(), Failure> {
        self.must_with_all(app, name, &[metric.key])
    }

    /// As [`must_with`](Self::must_with), with several metrics.
    pub(super) fn must_with_all(&self, app: &App, name: &str, keys: &[MetricKey]) -> Result<(), Failure> {
        let Some(filter) = self.metrics_for(app, name)? else { return Ok(()) };
        app.database.visible(&filter).check(keys).map_err(|error| match error {
            Error::UnknownMetric { .. } => Failure::of(StatusCode::FORBIDDEN),
            other => other.into(),
        })
    }

    /// Refuses metrics of which it may not read some.
    pub(super) fn must_own_all(&self, app: &App, keys: &[MetricKey]) -> Result<(), Failure> {
        self.must_with_all(app, "get metric", keys)
    }

    /// Whether it has a role: of those who are known by name `admin` has the one of that name, others have none.
    pub(super) fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|own| own.eq_ignore_ascii_case(role))
    }

    /// What rules compare of it.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        match (name, &self.vouched) {
            ("user", _) => Some(self.name.clone()),
            ("system", None) => Some("all".to_owned()),
            ("user_id", Some(vouched)) => Some(vouched.user.clone()),
            ("project_id", Some(vouched)) => vouched.project.clone(),
            ("domain_id", Some(vouched)) => vouched.domain.clone(),
            _ => None,
        }
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}
