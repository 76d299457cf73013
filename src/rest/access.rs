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

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User(String);

impl User {
    /// The user of this name.
    #[cfg(test)]
    pub(super) fn named(name: &str) -> Self {
        User(name.to_owned())
    }

    /// The user that asks, as `auth` knows it.
    pub(super) fn of(headers: &HeaderMap, auth: Auth) -> Result<Self, Failure> {
        let user = match auth {
            Auth::Basic => User::named_by_client(headers),
            Auth::RemoteUser => User::named_by_proxy(headers),
            Auth::NoAuth => Some(User(ADMIN.to_owned())),
        };
        user.ok_or_else(|| Failure::of(StatusCode::UNAUTHORIZED))
    }

    /// The user that the `Authorization` header names, by basic authentication; its password is not looked at.
    fn named_by_client(headers: &HeaderMap) -> Option<Self> {
        let (scheme, credentials) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        let decoded = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(credentials.trim()).ok())??;
        let text = String::from_utf8(decoded).ok()?;
        text.split_once(':').map(|(user, _)| User(user.to_owned()))
    }

    /// The user that a proxy names; none when the header is there twice, as then one of them may be a client's.
    fn named_by_proxy(headers: &HeaderMap) -> Option<Self> {
        let mut named = headers.get_all("x-remote-user").into_iter();
        let name = named.next()?.to_str().ok()?.trim();
        (named.next().is_none() && !name.is_empty()).then(|| User(name.to_owned()))
    }

    /// Refuses everybody but the administrator.
    pub(super) fn must_be_admin(&self) -> Result<(), Failure> {
        if self.0 == ADMIN { Ok(()) } else { Err(Failure::of(StatusCode::FORBIDDEN)) }
    }

    /// Which resources it may write to: those it created, or all when there is no filter.
    pub(super) fn owned(&self) -> Option<Filter> {
        (self.0 != ADMIN).then(|| Filter::eq("creator", self.0.as_str()))
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

    /// Whether it has a role: `admin` has the one of that name, others have none.
    pub(super) fn has_role(&self, role: &str) -> bool {
        self.0 == ADMIN && role.eq_ignore_ascii_case(ADMIN)
    }

    /// What rules compare of it.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        match name {
            "user" => Some(self.0.clone()),
            "system" => Some("all".to_owned()),
            _ => None,
        }
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.0
    }
}
