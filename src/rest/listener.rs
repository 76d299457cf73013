//! Measures that come in datagrams: taken into memory by a protocol, and pushed once in a while.
//!
//! Nobody is answered, so nothing is ever refused aloud: what cannot be taken or pushed is counted by its reason, and a line
//! of the log now and then says what it was. What has come is pushed at the end of each interval, and when the server ends.
//! While one push is under way, what comes waits for the next.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval_at, sleep};

use super::ingest::{Incoming, Sender};
use super::server::App;
use crate::{Database, Timestamp};

/// No datagram is larger.
const LARGEST: usize = 1 << 16;

/// The shortest interval.
const SHORTEST: Duration = Duration::from_millis(1);

/// How many datagrams are read that have come when the server ends.
const LAST: usize = 10_000;

/// How long the log is silent about a protocol's refusals after it named one.
const SILENCE: Duration = Duration::from_secs(10);

/// How much of what was refused is shown.
const SHOWN: usize = 200;

/// What datagrams mean.
pub(super) trait Protocol: std::fmt::Debug + Send {
    /// What counters call it.
    fn name(&self) -> &'static str;

    /// Why something may be refused.
    fn reasons(&self) -> Vec<&'static str>;

    /// Takes what a datagram says that came at this time.
    fn take(&mut self, datagram: &[u8], now: Timestamp, tally: &mut Tally<'_>);

    /// Whether so much waits that it is to be pushed before the interval ends.
    fn is_due(&self) -> bool;

    /// Hands over what waits: everything at the end of an interval, or what can be pushed before it.
    fn measures(&mut self, at_end: bool) -> Incoming;
}

/// What was counted of a protocol since the server started.
#[derive(Debug)]
pub(super) struct Counters {
    pub(super) protocol: &'static str,
    pub(super) datagrams: AtomicU64,
    pub(super) taken: AtomicU64,
    pub(super) refused: Vec<(&'static str, AtomicU64)>,
    pub(super) pushed: AtomicU64,
    pub(super) lost: AtomicU64,
}

/// Counts what becomes of one datagram.
pub(super) struct Tally<'a> {
    counters: &'a Counters,
    complaints: &'a mut Complaints,
    from: SocketAddr,
}

impl Tally<'_> {
    /// A value was taken.
    pub(super) fn taken(&mut self) {
        self.counters.taken.fetch_add(1, Ordering::Relaxed);
    }

    /// Something was refused, for one of the protocol's reasons.
    pub(super) fn refused(&mut self, reason: &'static str, what: &str) {
        if let Some((_, count)) = self.counters.refused.iter().find(|(name, _)| *name == reason) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(unsaid) = self.complaints.speak(Instant::now()) {
            let what: String = what.chars().take(SHOWN).collect();
            let (protocol, from) = (self.counters.protocol, self.from);
            tracing::warn!(protocol, %from, reason, ?what, unsaid, "what was sent is refused");
        }
    }
}

/// When something was last complained about, and how often not since.
#[derive(Debug, Default)]
struct Complaints {
    last: Option<Instant>,
    unsaid: u64,
}

impl Complaints {
    /// How many complaints were not made since the last one, if one is to be made now.
    fn speak(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now.duration_since(last) < SILENCE) {
            self.unsaid += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.unsaid))
    }
}

/// A socket on which a protocol is spoken.
#[derive(Debug)]
pub(super) struct Listener {
    socket: UdpSocket,
    protocol: Box<dyn Protocol>,
    every: Duration,
    sender: Arc<Sender>,
    counters: Arc<Counters>,
    complaints: Complaints,
}

impl Listener {
    /// Begins to listen; what comes waits until [`run`](Self::run).
    pub(super) async fn bind(
        address: SocketAddr,
        protocol: Box<dyn Protocol>,
        every: Duration,
        sender: Sender,
    ) -> std::io::Result<Self> {
        let named = |error: std::io::Error| {
            let reason = format!("cannot listen for {} at {address}: {error}", protocol.name());
            std::io::Error::new(error.kind(), reason)
        };
        let socket = UdpSocket::bind(address).await.map_err(named)?;
        let counters = Counters {
            protocol: protocol.name(),
            datagrams: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            refused: protocol.reasons().into_iter().map(|reason| (reason, AtomicU64::new(0))).collect(),
            pushed: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        };
        Ok(Listener {
            socket,
            protocol,
            every: every.max(SHORTEST),
            sender: Arc::new(sender),
            counters: Arc::new(counters),
            complaints: Complaints::default(),
        })
    }

    /// What it counts.
    pub(super) fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// The protocol, and where it is spoken.
    pub(super) fn place(&self) -> std::io::Result<(&'static str, SocketAddr)> {
        Ok((self.counters.protocol, self.socket.local_addr()?))
    }

    /// Listens until `end` changes; then what has come is pushed.
    pub(super) async fn run(mut self, app: Arc<App>, mut end: watch::Receiver<bool>) {
        let mut buffer = vec![0; LARGEST];
        let mut ends = interval_at(tokio::time::Instant::now() + self.every, self.every);
        ends.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut pushing: Option<JoinHandle<()>> = None;
        loop {
            let at_end = tokio::select! {
                received = self.socket.recv_from(&mut buffer) => {
                    self.receive(received, &buffer).await;
                    false
                }
                _ = ends.tick() => true,
                _ = end.changed() => break,
            };
            let idle = pushing.as_ref().is_none_or(JoinHandle::is_finished);
            if idle && (at_end || self.protocol.is_due()) {
                pushing = Some(self.push(&app, at_end));
            }
        }
        for _ in 0..LAST {
            let Ok(received) = self.socket.try_recv_from(&mut buffer) else { break };
            self.receive(Ok(received), &buffer).await;
        }
        if let Some(pushing) = pushing {
            ended(pushing.await);
        }
        ended(self.push(&app, true).await);
    }

    async fn receive(&mut self, received: std::io::Result<(usize, SocketAddr)>, buffer: &[u8]) {
        match received {
            Ok((length, from)) => {
                self.counters.datagrams.fetch_add(1, Ordering::Relaxed);
                let mut tally = Tally { counters: &self.counters, complaints: &mut self.complaints, from };
                self.protocol.take(&buffer[..length], Database::now(), &mut tally);
            }
            Err(error) => {
                if self.complaints.speak(Instant::now()).is_some() {
                    tracing::error!(protocol = self.counters.protocol, %error, "cannot receive");
                }
                // So that an error that stays takes no processor.
                sleep(Duration::from_millis(100)).await;
            }
        }
    }

    /// Pushes what waits, on the pool of what may block.
    fn push(&mut self, app: &Arc<App>, at_end: bool) -> JoinHandle<()> {
        let incoming = self.protocol.measures(at_end);
        let (app, sender, counters) = (Arc::clone(app), Arc::clone(&self.sender), Arc::clone(&self.counters));
        tokio::task::spawn_blocking(move || {
            let all = incoming.measures();
            let (lost, error) = incoming.push_what_can(&app.database, &sender);
            counters.pushed.fetch_add((all - lost) as u64, Ordering::Relaxed);
            counters.lost.fetch_add(lost as u64, Ordering::Relaxed);
            if let Some(error) = error {
                tracing::error!(
                    protocol = counters.protocol,
                    lost,
                    ?error,
                    "measures could not be pushed, and are lost"
                );
            }
        })
    }
}

/// Says so when a push did not end by itself.
fn ended(outcome: Result<(), tokio::task::JoinError>) {
    if let Err(error) = outcome {
        tracing::error!(%error, "a push did not end");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_says_now_and_then_what_is_refused() {
        let mut complaints = Complaints::default();
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(complaints.speak(start), Some(0));
        assert_eq!((complaints.speak(after(1)), complaints.speak(after(9))), (None, None));
        assert_eq!(complaints.speak(after(10)), Some(2));
        assert_eq!(complaints.speak(after(11)), None);
        assert_eq!(complaints.speak(after(21)), Some(1));
    }
}
