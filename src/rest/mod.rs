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
mod checks;
pub(crate) mod collectd;
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
mod listener;
mod measures;
mod metric;
mod metric_name;
mod openapi;
mod opentelemetry;
mod operations;
mod options;
mod origin;
mod outbound;
mod paging;
mod parameters;
mod policy;
mod precondition;
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
pub(crate) mod statsd;
mod straight;
mod table;
mod telemetry;
mod tls;

#[cfg(test)]
mod tests;

pub use collectd::Collectd;
pub use keystone::KeystoneOptions;
pub use options::{Auth, Certificate, ServerOptions};
pub use server::Server;
pub use statsd::Statsd;

use std::sync::Arc;

use axum::Router;
use server::{App, on};
use table::{Table, any, get, post};

/// The API: what the table says, and what is answered anywhere else.
fn routes(app: Arc<App>) -> Router {
    let router = table().router();
    router.fallback(on(about::nothing_here)).method_not_allowed_fallback(on(about::wrong_method)).with_state(app)
}

/// All that can be asked.
fn table() -> Table {
    let policy = get(archive_policy::show).patch(archive_policy::update).delete(archive_policy::delete);
    let rule = get(archive_policy_rule::show).patch(archive_policy_rule::rename).delete(archive_policy_rule::delete);
    Table::default()
        .route("/", get(about::versions))
        .route("/healthcheck", get(about::health))
        .route("/metrics", get(telemetry::metrics))
        .route("/openapi.json", get(openapi::show))
        .route("/v1", get(about::version))
        .route("/v1/capabilities", get(about::capabilities))
        .route("/v1/status", get(about::status))
        .route("/v1/archive_policy", get(archive_policy::list).post(archive_policy::create))
        .route("/v1/archive_policy/{name}", policy)
        .route("/v1/archive_policy_rule", get(archive_policy_rule::list).post(archive_policy_rule::create))
        .route("/v1/archive_policy_rule/{name}", rule)
        .merge(metrics())
        .merge(resources())
        .merge(across())
        .route("/v1/collectd", post(collectd::write))
        .route("/v1/influxdb/ping", get(influxdb::ping))
        .route("/v1/influxdb/query", post(influxdb::query))
        .route("/v1/influxdb/write", post(influxdb::write))
        .route("/v1/metrics", post(opentelemetry::write))
        .route("/v1/prometheus/write", post(prometheus::write))
}

/// Metrics and their measures.
fn metrics() -> Table {
    Table::default()
        .route("/v1/metric", get(metric::list).post(metric::create))
        .route("/v1/metric/{id}", get(metric::show).delete(metric::delete))
        .route("/v1/metric/{id}/measures", get(metric::measures).post(metric::push))
        .route("/v1/batch/metrics/measures", post(batch::metrics))
        .route("/v1/batch/resources/metrics/measures", post(batch::resources))
}

/// Resource types, resources and their history.
fn resources() -> Table {
    let resource_type = get(resource_type::show).patch(resource_type::update).delete(resource_type::delete);
    let resource = get(resource::show).patch(resource::update).delete(resource::delete);
    let metrics = get(resource_metric::list).post(resource_metric::append);
    let metric = get(resource_metric::show).delete(resource_metric::delete);
    let measures = get(resource_metric::measures).post(resource_metric::push);
    Table::default()
        .route("/v1/resource_type", get(resource_type::list).post(resource_type::create))
        .route("/v1/resource_type/{name}", resource_type)
        .route("/v1/resource", get(resource::types))
        .route("/v1/resource/{type}", get(resource::list).post(resource::create).delete(resource::delete_found))
        .route("/v1/resource/{type}/{id}", resource)
        .route("/v1/resource/{type}/{id}/history", get(resource::history))
        .route("/v1/resource/{type}/{id}/metric", metrics)
        .route("/v1/resource/{type}/{id}/metric/{name}", metric)
        .route("/v1/resource/{type}/{id}/metric/{name}/measures", measures)
}

/// What is asked across metrics.
fn across() -> Table {
    Table::default()
        .route("/v1/aggregates", post(aggregates::evaluate))
        .route("/v1/aggregation/metric", get(aggregation::metrics).post(aggregation::metrics))
        .route("/v1/aggregation/resource/{type}/metric", any(about::wrong_method))
        .route("/v1/aggregation/resource/{type}/metric/{name}", post(aggregation::resources))
        .route("/v1/search/metric", post(search::metrics))
        .route("/v1/search/resource/{type}", post(search::resources).fallback(search::wrong_method))
}
