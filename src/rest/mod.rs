//! Gnocchi's HTTP API over a [`Database`](crate::Database), in this process.
//!
//! A request is read whole, within limits of size and time, and handled by a function that may block, on a pool of
//! bounded size: it parses what was sent, calls the database and prints its answer. Nothing is decided here that the
//! database can decide, nothing is kept between requests, and no measure is acknowledged before the database took it.

mod about;
mod access;
mod aggregates;
mod aggregation;
mod archive_policy;
mod archive_policy_rule;
mod asked;
mod batch;
mod bodies;
mod call;
mod connections;
mod cors;
mod door;
mod failure;
mod filter;
mod given;
mod htpasswd;
pub(crate) mod influxdb;
mod ingest;
mod json;
mod keystone;
mod measures;
mod metric;
mod metric_name;
mod opentelemetry;
mod operations;
mod options;
mod origin;
mod outbound;
mod paging;
mod parameters;
mod policy;
mod prometheus;
mod remembered;
mod resource;
mod resource_body;
mod resource_metric;
mod resource_type;
mod resource_type_patch;
mod search;
mod server;
mod shapes;
mod telemetry;
mod tls;

#[cfg(test)]
mod tests;

pub use keystone::KeystoneOptions;
pub use options::{Auth, Certificate, ServerOptions};
pub use server::Server;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, get, post};
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
        .route("/metrics", get(on(telemetry::metrics)))
        .route("/v1", get(on(about::version)))
        .route("/v1/", get(on(about::version)))
        .route("/v1/capabilities", get(on(about::capabilities)))
        .route("/v1/status", get(on(about::status)))
        .route("/v1/archive_policy", get(on(archive_policy::list)).post(on(archive_policy::create)))
        .route("/v1/archive_policy/{name}", policy)
        .route("/v1/archive_policy_rule", get(on(archive_policy_rule::list)).post(on(archive_policy_rule::create)))
        .route("/v1/archive_policy_rule/{name}", rule)
        .merge(metrics())
        .merge(resources())
        .merge(across())
        .route("/v1/influxdb/ping", get(on(influxdb::ping)))
        .route("/v1/influxdb/query", post(on(influxdb::query)))
        .route("/v1/influxdb/write", post(on(influxdb::write)))
        .route("/v1/metrics", post(on(opentelemetry::write)))
        .route("/v1/prometheus/write", post(on(prometheus::write)))
        .fallback(on(about::nothing_here))
        .method_not_allowed_fallback(on(about::wrong_method))
        .with_state(app)
}

/// Metrics and their measures.
fn metrics() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/metric", get(on(metric::list)).post(on(metric::create)))
        .route("/v1/metric/{id}", get(on(metric::show)).delete(on(metric::delete)))
        .route("/v1/metric/{id}/measures", get(on(metric::measures)).post(on(metric::push)))
        .route("/v1/batch/metrics/measures", post(on(batch::metrics)))
        .route("/v1/batch/resources/metrics/measures", post(on(batch::resources)))
}

/// Resource types, resources and their history.
fn resources() -> Router<Arc<App>> {
    let resource_type = get(on(resource_type::show)).patch(on(resource_type::update)).delete(on(resource_type::delete));
    let resource = get(on(resource::show)).patch(on(resource::update)).delete(on(resource::delete));
    let metrics = get(on(resource_metric::list)).post(on(resource_metric::append));
    let metric = get(on(resource_metric::show)).delete(on(resource_metric::delete));
    let measures = get(on(resource_metric::measures)).post(on(resource_metric::push));
    Router::new()
        .route("/v1/resource_type", get(on(resource_type::list)).post(on(resource_type::create)))
        .route("/v1/resource_type/{name}", resource_type)
        .route("/v1/resource", get(on(resource::types)))
        .route("/v1/resource/", get(on(resource::types)))
        .route(
            "/v1/resource/{type}",
            get(on(resource::list)).post(on(resource::create)).delete(on(resource::delete_found)),
        )
        .route("/v1/resource/{type}/{id}", resource)
        .route("/v1/resource/{type}/{id}/history", get(on(resource::history)))
        .route("/v1/resource/{type}/{id}/metric", metrics)
        .route("/v1/resource/{type}/{id}/metric/{name}", metric)
        .route("/v1/resource/{type}/{id}/metric/{name}/measures", measures)
}

/// What is asked across metrics.
fn across() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/aggregates", post(on(aggregates::evaluate)))
        .route("/v1/aggregation/metric", get(on(aggregation::metrics)).post(on(aggregation::metrics)))
        .route("/v1/aggregation/resource/{type}/metric", any(on(about::wrong_method)))
        .route("/v1/aggregation/resource/{type}/metric/{name}", post(on(aggregation::resources)))
        .route("/v1/search/metric", post(on(search::metrics)))
        .route("/v1/search/resource/{type}", post(on(search::resources)).fallback(on(search::wrong_method)))
}
