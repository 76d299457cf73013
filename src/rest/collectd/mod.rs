//! What collectd sends: `/v1/collectd` takes what its plugin `write_http` posts in JSON, and a socket what its plugin `network`
//! sends.
//!
//! Every value is a measure as it was sent: counters are not turned into rates, for which there are the `rate:` methods. A host
//! is a resource of the type `collectd`, and a metric is called as collectd calls it.

mod datagrams;
pub(crate) mod list;
mod naming;
pub(crate) mod network;
mod types;

#[cfg(test)]
mod tests;

pub use self::datagrams::Collectd;

use axum::http::StatusCode;

use self::list::ValueList;
use super::call::{Call, Reply};
use super::failure::Failure;
use super::ingest::{Incoming, make_type};
use super::server::App;
use crate::Timestamp;

/// `POST /v1/collectd`.
pub(super) fn write(app: &App, call: &Call) -> Result<Reply, Failure> {
    let user = call.user()?;
    if !call.content_type().eq_ignore_ascii_case("application/json") {
        return Err(Failure::of(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let lists = list::parse(&call.body)
        .map_err(|reason| Failure::bad(format!("The body is no list of collectd's values: {reason}")))?;
    let incoming = measures(&lists)?;
    make_type(app, &user, &naming::resource_type())?;
    incoming.push(app, &user)?;
    Ok(Reply::empty(StatusCode::ACCEPTED))
}

/// The measures of values.
fn measures(lists: &[ValueList]) -> Result<Incoming, Failure> {
    let mut incoming = Incoming::of(naming::TYPE);
    for list in lists {
        let time = Timestamp::from_secs_f64(list.time)?;
        let resource = list.identity.resource(&mut incoming);
        for (name, value) in list.named() {
            incoming.add(&resource, list.identity.metric(name), time, value);
        }
    }
    Ok(incoming)
}
