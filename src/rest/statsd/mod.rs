//! statsd over UDP: what programs count, measured once in a while.
//!
//! Everything belongs to one resource of the type `generic`, as in Gnocchi; metrics are called `name|type`, with tags behind an
//! `@`. Lines are taken into an interval in memory, and at its end what they said is pushed.

mod interval;
pub(crate) mod line;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::Duration;

use self::interval::{Interval, Unfit};
use self::line::Refused;
use super::ingest::{Incoming, Sender};
use super::listener::{Listener, Protocol, Tally};
use crate::{ResourceId, Timestamp};

/// Where a server listens for statsd, and what becomes of what it hears.
///
/// ```
/// use std::time::Duration;
/// use gnocchetti::rest::{ServerOptions, Statsd};
///
/// let statsd = Statsd::at("127.0.0.1:8125".parse()?).creator("agents").every(Duration::from_secs(60));
/// let options = ServerOptions::new().statsd(statsd);
/// # let _ = options;
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Statsd {
    address: SocketAddr,
    resource: String,
    creator: String,
    archive_policy: Option<String>,
    every: Duration,
}

impl Statsd {
    /// At this address. Measures are of the resource `statsd`, which is made when the first come; it and its metrics belong
    /// to `admin`, get their archive policies by rule, and measures are pushed every 10 seconds.
    pub fn at(address: SocketAddr) -> Self {
        Statsd {
            address,
            resource: "statsd".to_owned(),
            creator: "admin".to_owned(),
            archive_policy: None,
            every: Duration::from_secs(10),
        }
    }

    /// The resource that measures are of: a UUID, or any name.
    #[must_use]
    pub fn resource(mut self, id: impl Into<String>) -> Self {
        self.resource = id.into();
        self
    }

    /// The user that what is made belongs to.
    #[must_use]
    pub fn creator(mut self, creator: impl Into<String>) -> Self {
        self.creator = creator.into();
        self
    }

    /// The archive policy of metrics that are made, instead of that of the rules.
    #[must_use]
    pub fn archive_policy(mut self, name: impl Into<String>) -> Self {
        self.archive_policy = Some(name.into());
        self
    }

    /// After which time what was heard is pushed; at least a millisecond.
    #[must_use]
    pub fn every(mut self, interval: Duration) -> Self {
        self.every = interval;
        self
    }

    /// Begins to listen.
    pub(super) async fn listen(&self) -> std::io::Result<Listener> {
        let invalid = |error| std::io::Error::new(std::io::ErrorKind::InvalidInput, error);
        ResourceId::new(&self.resource, Some(&self.creator)).map_err(invalid)?;
        let sender = Sender::trusted(&self.creator, self.archive_policy.as_deref());
        let protocol = Lines { resource: self.resource.clone(), interval: Interval::default() };
        Listener::bind(self.address, Box::new(protocol), self.every, sender).await
    }

    /// Where to listen.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// What was heard of one resource.
#[derive(Debug)]
struct Lines {
    resource: String,
    interval: Interval,
}

impl Protocol for Lines {
    fn name(&self) -> &'static str {
        "statsd"
    }

    fn reasons(&self) -> Vec<&'static str> {
        Refused::NAMES.into_iter().chain(Unfit::NAMES).collect()
    }

    fn take(&mut self, datagram: &[u8], now: Timestamp, tally: &mut Tally<'_>) {
        for line in line::lines(datagram) {
            let (text, parsed) = (line.unwrap_or_default(), line.and_then(line::parse));
            let taken = parsed.map_err(Refused::name);
            match taken.and_then(|line| self.interval.take(&line, now).map_err(Unfit::name)) {
                Ok(()) => tally.taken(),
                Err(reason) => tally.refused(reason, text),
            }
        }
    }

    fn is_due(&self) -> bool {
        self.interval.has_many()
    }

    fn measures(&mut self, at_end: bool) -> Incoming {
        self.interval.measures(&self.resource, at_end)
    }
}
