//! collectd's network protocol over UDP, without signatures and encryption.
//!
//! Values of all datagrams are collected and pushed once in a while, so that not every datagram waits for the disk. Hosts are
//! resources and metrics are called as those that are posted in JSON, when the types' names are known.

use std::net::SocketAddr;
use std::time::Duration;

use super::naming;
use super::network::{Refused, Values, parse};
use super::types::Types;
use crate::Timestamp;
use crate::rest::ingest::{Incoming, Sender};
use crate::rest::listener::{Listener, Protocol, Tally};

/// How many measures are enough to push them before the interval ends, and how many may wait.
const MANY: usize = 10_000;
const MOST: usize = 100_000;

/// What counters call values whose time cannot be taken, and those for which there is no room.
const TIME: &str = "time";
const FULL: &str = "full";

/// Where a server listens for collectd's network protocol, and what becomes of what it hears.
///
/// ```
/// use gnocchetti::rest::{Collectd, ServerOptions};
///
/// let collectd = Collectd::at("127.0.0.1:25826".parse()?).types("load shortterm:GAUGE:0:5000, midterm:GAUGE:0:5000")?;
/// let options = ServerOptions::new().collectd(collectd);
/// # let _ = options;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Collectd {
    address: SocketAddr,
    creator: String,
    every: Duration,
    types: Types,
}

impl Collectd {
    /// At this address. What is made belongs to `admin`, and measures are pushed every second.
    pub fn at(address: SocketAddr) -> Self {
        Collectd { address, creator: "admin".to_owned(), every: Duration::from_secs(1), types: Types::default() }
    }

    /// The user that what is made belongs to.
    #[must_use]
    pub fn creator(mut self, creator: impl Into<String>) -> Self {
        self.creator = creator.into();
        self
    }

    /// After which time what was heard is pushed; at least a millisecond.
    #[must_use]
    pub fn every(mut self, interval: Duration) -> Self {
        self.every = interval;
        self
    }

    /// What a `types.db` says of how values are called; a later one wins. Without it a single value is called `value`, and
    /// several are called by their numbers.
    ///
    /// # Errors
    ///
    /// `InvalidData` for a line that is none, with its number.
    pub fn types(mut self, text: &str) -> std::io::Result<Self> {
        self.types.add(text).map_err(|why| std::io::Error::new(std::io::ErrorKind::InvalidData, why))?;
        Ok(self)
    }

    /// Begins to listen.
    pub(in crate::rest) async fn listen(&self) -> std::io::Result<Listener> {
        let protocol = Parts { types: self.types.clone(), waiting: Incoming::of(naming::TYPE), measures: 0 };
        let sender = Sender::trusted(&self.creator, None).making(naming::resource_type());
        Listener::bind(self.address, Box::new(protocol), self.every, sender).await
    }

    /// Where to listen.
    pub(in crate::rest) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// What was heard since the last push.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) types: Types,
    pub(super) waiting: Incoming,
    pub(super) measures: usize,
}

impl Parts {
    /// Adds the measures of values, or says why none is added.
    pub(super) fn add(&mut self, values: &Values) -> Result<(), &'static str> {
        let time = Timestamp::from_nanos(values.nanos()).map_err(|_| TIME)?;
        if values.time == 0 {
            return Err(TIME);
        }
        if self.measures + values.values.len() > MOST {
            return Err(FULL);
        }
        let names = self.types.names(&values.identity.kind, values.values.len());
        let numbers = names.iter().zip(&values.values).map(|(name, value)| (name, value.number()));
        // A gauge that is not known is sent as NaN, where JSON has null.
        let known: Vec<_> = numbers.filter(|(_, number)| !number.is_nan()).collect();
        if known.is_empty() {
            return Ok(());
        }
        let resource = values.identity.resource(&mut self.waiting);
        self.measures += known.len();
        for (name, number) in known {
            self.waiting.add(&resource, values.identity.metric(name), time, number);
        }
        Ok(())
    }
}

impl Protocol for Parts {
    fn name(&self) -> &'static str {
        "collectd"
    }

    fn reasons(&self) -> Vec<&'static str> {
        Refused::NAMES.into_iter().chain([TIME, FULL]).collect()
    }

    fn take(&mut self, datagram: &[u8], _: Timestamp, tally: &mut Tally<'_>) {
        for read in parse(datagram) {
            let outcome = read.map_err(|refused| (refused.name(), String::new())).and_then(|values| {
                self.add(&values)
                    .map_err(|reason| (reason, format!("{} of {}", values.identity.kind, values.identity.host)))
            });
            match outcome {
                Ok(()) => tally.taken(),
                Err((reason, what)) => tally.refused(reason, &what),
            }
        }
    }

    fn is_due(&self) -> bool {
        self.measures >= MANY
    }

    fn measures(&mut self, _: bool) -> Incoming {
        self.measures = 0;
        std::mem::replace(&mut self.waiting, Incoming::of(naming::TYPE))
    }
}
