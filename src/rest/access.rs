//! Who asks, and what everybody may do: Gnocchi's default rules for users known by name.

use axum::http::{HeaderMap, StatusCode, header};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::failure::Failure;
use super::server::App;
use crate::{Error, Filter, Metric, MetricKey};

/// The name of the user that may do everything.
const ADMIN: &str = "admin";

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User(String);

impl User {
    /// The user that the `Authorization` header names, by basic authentication; its password is not looked at.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Failure> {
        let named = || {
            let (scheme, credentials) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
            let decoded = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(credentials.trim()).ok())??;
            let text = String::from_utf8(decoded).ok()?;
            text.split_once(':').map(|(user, _)| User(user.to_owned()))
        };
        named().ok_or_else(|| Failure::of(StatusCode::UNAUTHORIZED))
    }

    /// Refuses everybody but the administrator.
    pub(super) fn must_be_admin(&self) -> Result<(), Failure> {
        if self.0 == ADMIN { Ok(()) } else { Err(Failure::of(StatusCode::FORBIDDEN)) }
    }

    /// Which metrics and resources of others it finds in lists: all of them, when there is no filter.
    #[allow(clippy::unused_self, reason = "users without projects see the lists of everybody")]
    pub(super) fn sees(&self) -> Option<Filter> {
        None
    }

    /// Which metrics and resources it may read and change: those it created, or all when there is no filter.
    pub(super) fn owned(&self) -> Option<Filter> {
        (self.0 != ADMIN).then(|| Filter::eq("creator", self.0.as_str()))
    }

    /// Refuses a metric of somebody else.
    pub(super) fn must_own(&self, app: &App, metric: &Metric) -> Result<(), Failure> {
        self.must_own_all(app, &[metric.key])
    }

    /// Refuses metrics of which some are somebody else's.
    pub(super) fn must_own_all(&self, app: &App, keys: &[MetricKey]) -> Result<(), Failure> {
        let Some(filter) = self.owned() else { return Ok(()) };
        app.database.visible(&filter).check(keys).map_err(|error| match error {
            Error::UnknownMetric { .. } => Failure::of(StatusCode::FORBIDDEN),
            other => other.into(),
        })
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.0
    }
}
