//! What the server says of itself, in the text that Prometheus reads: requests, datagrams, and the database's own numbers.
//!
//! Counters count since the server started, without locks. A request that ran out of time, or whose client went away, is
//! no longer in progress and was never answered.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::call::{Call, Reply};
use super::failure::Failure;
use super::listener::Counters;
use super::server::App;
use crate::Stats;

/// Counters of requests.
#[derive(Debug, Default)]
pub(super) struct Telemetry {
    /// Answers by the first digit of their status.
    answered: [AtomicU64; 6],
    micros: AtomicU64,
    underway: AtomicU64,
}

/// A request that is being answered, or given up.
pub(super) struct Underway<'a>(&'a Telemetry);

impl Telemetry {
    /// A request has come.
    pub(super) fn begin(&self) -> Underway<'_> {
        self.underway.fetch_add(1, Ordering::Relaxed);
        Underway(self)
    }

    fn text(&self, stats: &Stats, agents: &[Arc<Counters>]) -> String {
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, rows: &[(String, f64)]| {
            let head = format!("# HELP gnocchetti_{name} {help}\n# TYPE gnocchetti_{name} {kind}\n");
            text.push_str(&head);
            for (labels, value) in rows {
                // Writing to a text cannot fail.
                let _ = writeln!(text, "gnocchetti_{name}{labels} {value}");
            }
        };
        let answered = self.answered.iter().enumerate().skip(1);
        let answered: Vec<_> =
            answered.map(|(class, count)| (format!("{{class=\"{class}xx\"}}"), load(count))).collect();
        let one = |value: f64| [(String::new(), value)];
        family("http_requests_total", "counter", "Requests answered, by class of status.", &answered);
        let seconds = load(&self.micros) / 1e6;
        family("http_request_seconds_total", "counter", "Time that answering took.", &one(seconds));
        family("http_requests_in_progress", "gauge", "Requests being answered.", &one(load(&self.underway)));
        for (name, kind, help, value) in [
            ("metrics", "gauge", "Metrics that are there.", stats.metrics),
            ("measures_accepted_total", "counter", "Measures accepted.", stats.accepted),
            ("measures_late_total", "counter", "Measures dropped because they came too late.", stats.late),
            ("measures_dirty", "gauge", "Measures that wait for the next checkpoint.", stats.dirty_measures),
            ("window_bytes", "gauge", "Memory of encoded windows.", stats.window_bytes),
            ("journal_bytes", "gauge", "Size of the current journal file.", stats.journal_bytes),
            ("raw_bytes", "gauge", "Size of raw segments.", stats.raw_bytes),
            ("archive_bytes", "gauge", "Size of archives' segments.", stats.archive_bytes),
            ("checkpoints_total", "counter", "Checkpoints made.", stats.checkpoints),
            ("merges_total", "counter", "Merges made.", stats.merges),
            ("damaged_segments", "gauge", "Segments in which merges met damage.", stats.damaged_segments),
        ] {
            family(name, kind, help, &one(value as f64));
        }
        if !agents.is_empty() {
            datagrams(agents, &mut family);
        }
        text
    }
}

fn load(counter: &AtomicU64) -> f64 {
    counter.load(Ordering::Relaxed) as f64
}

/// What came in datagrams, by protocol.
fn datagrams(agents: &[Arc<Counters>], family: &mut impl FnMut(&str, &str, &str, &[(String, f64)])) {
    let by_protocol = |count: fn(&Counters) -> &AtomicU64| {
        let row = |agent: &Arc<Counters>| (format!("{{protocol=\"{}\"}}", agent.protocol), load(count(agent)));
        agents.iter().map(row).collect::<Vec<_>>()
    };
    let refused: Vec<_> = agents
        .iter()
        .flat_map(|agent| {
            let labels = |reason| format!("{{protocol=\"{}\",reason=\"{reason}\"}}", agent.protocol);
            agent.refused.iter().map(move |(reason, count)| (labels(reason), load(count)))
        })
        .collect();
    family("datagrams_total", "counter", "Datagrams received.", &by_protocol(|agent| &agent.datagrams));
    family(
        "datagram_items_total",
        "counter",
        "Items of datagrams taken: lines or values.",
        &by_protocol(|agent| &agent.taken),
    );
    family("datagram_refused_total", "counter", "Items of datagrams refused, by reason.", &refused);
    family("datagram_measures_total", "counter", "Measures of datagrams pushed.", &by_protocol(|agent| &agent.pushed));
    let lost = "Measures of datagrams that could not be pushed, and are lost.";
    family("datagram_measures_lost_total", "counter", lost, &by_protocol(|agent| &agent.lost));
}

impl Underway<'_> {
    /// It was answered with this status.
    pub(super) fn end(self, status: u16, took: Duration) {
        if let Some(class) = self.0.answered.get(usize::from(status / 100)) {
            class.fetch_add(1, Ordering::Relaxed);
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.0.micros.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.0.underway.fetch_sub(1, Ordering::Relaxed);
    }
}

/// `GET /metrics`.
pub(super) fn metrics(app: &App, _: &Call) -> Result<Reply, Failure> {
    let text = app.telemetry().text(&app.database.stats()?, app.agents());
    Ok(Reply::text("text/plain; version=0.0.4; charset=utf-8", text))
}
