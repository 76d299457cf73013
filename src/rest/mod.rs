//! Gnocchi's HTTP API over a [`Database`](crate::Database), in this process.
//!
//! A request is read whole, within limits of size and time, and handled by a function that may block, on a pool of
//! bounded size: it parses what was sent, calls the database and prints its answer. Nothing is decided here that the
//! database can decide, nothing is kept between requests, and no measure is acknowledged before the database took it.

mod about;
mod access;
mod archive_policy;
mod archive_policy_rule;
mod call;
mod failure;
mod given;
pub(crate) mod influxdb;
mod ingest;
mod json;
mod metric_name;
mod prometheus;
mod server;

#[cfg(test)]
mod tests;

pub use server::{Server, ServerOptions};

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use server::{App, on};

/// All that can be asked.
fn routes(app: Arc<App>) -> Router {
    let policy = get(on(archive_policy::show)).patch(on(archive_policy::update)).delete(on(archive_policy::delete));
    let rule = get(on(archive_policy_rule::show))
        .patch(on(archive_policy_rule::rename))
        .delete(on(archive_policy_rule::delete));
    Router::new()
        .route("/", get(on(about::versions)))
        .route("/healthcheck", get(on(about::health)))
        .route("/v1", get(on(about::version)))
        .route("/v1/", get(on(about::version)))
        .route("/v1/capabilities", get(on(about::capabilities)))
        .route("/v1/status", get(on(about::status)))
        .route("/v1/archive_policy", get(on(archive_policy::list)).post(on(archive_policy::create)))
        .route("/v1/archive_policy/{name}", policy)
        .route("/v1/archive_policy_rule", get(on(archive_policy_rule::list)).post(on(archive_policy_rule::create)))
        .route("/v1/archive_policy_rule/{name}", rule)
        .route("/v1/influxdb/ping", get(on(influxdb::ping)))
        .route("/v1/influxdb/query", post(on(influxdb::query)))
        .route("/v1/influxdb/write", post(on(influxdb::write)))
        .route("/v1/prometheus/write", post(on(prometheus::write)))
        .fallback(on(about::nothing_here))
        .method_not_allowed_fallback(on(about::wrong_method))
        .with_state(app)
}
