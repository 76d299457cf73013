//! Reading one archive of one metric: sealed aggregates from segments, open ones computed from the window.

use std::ops::Range;
use std::sync::Arc;

use super::tolerance::{Holes, Tolerance};
use super::view::{Buffers, View};
use crate::carbonara::{self, group_start};
use crate::codec::{DecodeError, Scratch};
use crate::error::{Error, Result};
use crate::head::{Archive, Plan, Raw, Run, Series, WindowSnapshot};
use crate::types::{AggregationMethod, Columns, Points, SeriesState};

/// What is asked of one archive: the group starts wanted, and one or several methods.
#[derive(Debug, Clone)]
pub struct Request {
    /// The archive's granularity, in ns.
    pub granularity: i64,
    /// Groups that start here or later, and before the end.
    pub starts: Range<i64>,
    /// The methods.
    pub methods: Vec<AggregationMethod>,
}

/// Everything that an answer needs, taken under the series' lock: what happens to the series afterwards changes nothing.
#[derive(Debug)]
pub struct Snapshot {
    metric: u64,
    plan: Arc<Plan>,
    state: SeriesState,
    view: Arc<View>,
    window: WindowSnapshot,
    /// The window's stored runs must be read from segments.
    window_stored: bool,
    archive: Archive,
    starts: Range<i64>,
    methods: Vec<AggregationMethod>,
}

impl Snapshot {
    /// Takes what `request` needs of a resident series.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownGranularity`], [`Error::MethodNotKept`].
    pub fn take(metric: u64, series: &Series, plan: &Arc<Plan>, view: Arc<View>, request: &Request) -> Result<Self> {
        let archive =
            *plan.archive(request.granularity).ok_or_else(|| unknown_granularity(metric, plan, request.granularity))?;
        for method in &request.methods {
            if !plan.policy.methods().contains(*method) {
                let kept = plan.policy.methods().to_string();
                return Err(Error::MethodNotKept { metric, method: method.to_string(), kept });
            }
        }
        let state = series.state();
        let starts = kept_starts(&archive, &state, &request.starts);
        let mut snapshot = Snapshot {
            metric,
            plan: Arc::clone(plan),
            state,
            view,
            window: WindowSnapshot::default(),
            window_stored: false,
            archive,
            starts,
            methods: request.methods.clone(),
        };
        if let Some(raw) = snapshot.raw_range() {
            snapshot.window = series.snapshot(raw.start, raw.end);
            snapshot.window_stored = !series.has_window();
        }
        Ok(snapshot)
    }

    /// The starts of the groups that are not in segments.
    fn open_starts(&self) -> Range<i64> {
        let first = carbonara::first_open(self.state.stored_until, self.archive.granularity);
        self.starts.start.max(first)..self.starts.end
    }

    /// The raw measures that the open groups are computed from; `None` when no open group is asked for.
    fn raw_range(&self) -> Option<Range<i64>> {
        let open = self.open_starts();
        if open.start >= open.end || self.state.newest < open.start {
            return None;
        }
        let last_group = group_start(open.end - 1, self.archive.granularity);
        let end = last_group.saturating_add(self.archive.granularity);
        // A difference needs the measure before, wherever in the window that is.
        let rate = self.methods.iter().any(|method| method.is_rate());
        let start = if rate { self.plan.keep_from(self.state.stored_until) } else { open.start };
        Some(start..end)
    }

    /// The answer: the points of each method asked for, in the order of the request.
    pub fn answer(&self, buffers: &mut Buffers, tolerance: &mut Tolerance) -> Result<Vec<Points>> {
        let granularity = self.archive.granularity;
        let mut holes = Holes::default();
        let raw = match self.raw_range() {
            Some(range) => self.raw(range, &mut buffers.scratch, tolerance, &mut holes)?,
            None => Raw::default(),
        };
        let sealed_end = carbonara::first_open(self.state.stored_until, granularity);
        let sealed = self.starts.start..self.starts.end.min(sealed_end);
        let mut answers = Vec::with_capacity(self.methods.len());
        for method in &self.methods {
            let mut out = Points { values: buffers.spare.pop().unwrap_or_default(), ..Points::default() };
            buffers.more = raw.timestamps.len();
            let archive = (self.metric, granularity);
            self.view.aggregates(archive, sealed.clone(), *method, buffers, tolerance, &mut out)?;
            let sealed_points = out.len();
            if buffers.more > 0 {
                let (previous, starts) = (self.state.previous, self.open_starts());
                let mut open = Columns::default();
                carbonara::aggregate_one(
                    &raw.timestamps,
                    &raw.values,
                    previous,
                    granularity,
                    starts,
                    *method,
                    &mut open,
                );
                if out.is_empty() { out = open.into() } else { out.extend(&open) }
            }
            if !holes.is_empty() {
                leave_out(&mut out, sealed_points, granularity, holes.clone(), (*method, &raw), tolerance);
            }
            answers.push(out);
        }
        Ok(answers)
    }

    fn raw(
        &self,
        range: Range<i64>,
        scratch: &mut Scratch,
        tolerance: &mut Tolerance,
        holes: &mut Holes,
    ) -> Result<Raw> {
        let mut raw = Raw::default();
        let fail = |error: DecodeError| window_damaged(self.metric, &error);
        if self.window_stored {
            let runs: Vec<Run> = self.view.runs_around(self.metric, range.clone(), tolerance, holes)?;
            let whole = WindowSnapshot { runs, ..self.window.clone() };
            whole.read(range.start, range.end, scratch, &mut raw).map_err(fail)?;
        } else {
            self.window.read(range.start, range.end, scratch, &mut raw).map_err(fail)?;
        }
        Ok(raw)
    }
}

/// Leaves out the groups, from point `from` on, of which some measures are not known.
fn leave_out(
    out: &mut Points,
    from: usize,
    g: i64,
    mut holes: Holes,
    (method, raw): (AggregationMethod, &Raw),
    tolerance: &mut Tolerance,
) {
    if method.is_rate() {
        holes.reach_to_next(&raw.timestamps);
    }
    let mut left = Columns::from(std::mem::take(out));
    let points: Vec<(i64, f64)> = left.iter().skip(from).collect();
    left.truncate(from);
    for (start, value) in points {
        if !holes.touch(start, start.saturating_add(g - 1)) {
            left.push(start, value);
        }
    }
    *out = left.into();
    holes.iter().for_each(|(first, last)| tolerance.miss(group_start(first.max(0), g), last));
}

/// The group starts asked for that the archive still keeps (rule 5).
fn kept_starts(archive: &Archive, state: &SeriesState, asked: &Range<i64>) -> Range<i64> {
    if state.newest < 0 {
        return 0..0;
    }
    let end = asked.end.min(state.newest.saturating_add(1));
    asked.start.max(archive.kept_from(state.newest))..end
}

fn unknown_granularity(metric: u64, plan: &Plan, granularity: i64) -> Error {
    let kept: Vec<String> = plan.policy.definitions().iter().map(|d| d.granularity().to_string()).collect();
    let asked =
        crate::types::Timespan::from_nanos(granularity).map_or(granularity.to_string(), |span| span.to_string());
    Error::UnknownGranularity { metric, granularity: asked, kept: kept.join(", ") }
}

/// The error of a run that was read whole and yet cannot be decoded.
pub fn window_damaged(metric: u64, error: &DecodeError) -> Error {
    crate::error::Corruption::new("raw", 0, format!("the window in memory cannot be decoded: {error}"))
        .of_metric(metric)
        .into()
}
