//! The series that an operation asks for: found by id, name or pattern, or through resources, and fetched.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;
use uuid::Uuid;

use super::threads::in_pieces;
use crate::database::Database;
use crate::error::{Corruption, Error, Result};
use crate::indexer::{NamedMetric, State};
use crate::ops::{EvaluateOptions, Input, Label, Operation, Presence, Reference};
use crate::query::{Buffers, Query, Tolerance};
use crate::types::{
    Definition, Filter, Glob, Metric, MetricKey, MetricSearch, Points, Resource, Starts, Timespan, Timestamp,
};

/// A series that an operation asks for.
pub(super) struct Source {
    reference: Reference,
    label: Label,
    key: MetricKey,
    id: Uuid,
    presence: Option<Presence>,
}

impl Source {
    /// Whether it counts at all times.
    pub(super) fn is_always_there(&self) -> bool {
        self.presence.is_none()
    }

    /// Whether this error says that the metric of a resource was deleted since it was found.
    fn is_gone(&self, error: &Error) -> bool {
        self.label.resource.is_some() && matches!(error, Error::UnknownMetric { .. })
    }
}

/// The series of metrics that `operation` names by id, by name, or by a pattern of names; and these metrics, when the
/// question wants them.
pub(super) fn of_metrics(
    database: &Database,
    operation: &Operation,
    visibility: Option<&Filter>,
    wanted: bool,
) -> Result<(Vec<Source>, Vec<Metric>)> {
    let mut sources = Vec::new();
    let mut metrics: Vec<Metric> = Vec::new();
    for reference in operation.metrics() {
        if reference.is_pattern() && visibility.is_none() && !wanted {
            named_alike(database, reference, &mut sources)?;
            continue;
        }
        let found = named(database, reference, visibility)?;
        if found.is_empty() {
            return Err(unknown(reference));
        }
        let known = found.iter().map(|metric| (metric.key, metric.id, metric.name.clone()));
        add(reference, known.collect(), &mut sources);
        metrics.extend(found.into_iter().filter(|_| wanted));
    }
    Ok((sources, metrics))
}

fn unknown(reference: &Reference) -> Error {
    Error::UnknownMetric { metric: reference.metric.clone() }
}

/// Appends the series of the metrics that a reference names.
fn add(reference: &Reference, mut found: Vec<(MetricKey, Uuid, Option<String>)>, sources: &mut Vec<Source>) {
    found.sort_unstable_by_key(|(key, ..)| *key);
    let shared = shared_names(&found);
    for (key, id, name) in found {
        let name = name.filter(|name| !shared.contains(name)).unwrap_or_else(|| id.to_string());
        let shown = if reference.is_pattern() { name } else { reference.metric.clone() };
        let label = Label { resource: None, metric: shown, method: reference.method };
        sources.push(Source { reference: reference.clone(), label, key, id, presence: None });
    }
}

/// Names that several of these metrics have.
fn shared_names(metrics: &[(MetricKey, Uuid, Option<String>)]) -> HashSet<String> {
    let mut seen = HashSet::with_capacity(metrics.len());
    let names = metrics.iter().filter_map(|(.., name)| name.as_deref());
    names.filter(|name| !seen.insert(*name)).map(str::to_owned).collect()
}

/// Appends the series of all metrics of no resource that a pattern matches. As [`named`], with less: thousands of metrics
/// are found by one pattern, and reading the whole of each takes much longer.
fn named_alike(database: &Database, reference: &Reference, sources: &mut Vec<Source>) -> Result<()> {
    let pattern = Glob::new(&reference.metric);
    let found = database.index()?.metrics_by_prefix(prefix(reference), &|name| pattern.matches(name))?;
    if found.is_empty() {
        return Err(unknown(reference));
    }
    let known = found.into_iter().map(|NamedMetric { key, id, name }| (key, id, Some(name)));
    add(reference, known.collect(), sources);
    Ok(())
}

/// What all names begin with that a pattern matches.
fn prefix(reference: &Reference) -> &str {
    reference.metric.split(['*', '?', '[']).next().unwrap_or_default()
}

/// The metrics that a reference names, of those that `visibility` finds: that of an id, or those of no resource whose name
/// it is, or matches it.
fn named(database: &Database, reference: &Reference, visibility: Option<&Filter>) -> Result<Vec<Metric>> {
    if !reference.is_pattern() {
        let Ok(id) = reference.metric.parse::<Uuid>() else {
            return Ok(vec![database.metric_named(&reference.metric, visibility)?]);
        };
        let found = database.metric(id)?;
        database.check_visible(found.key, &reference.metric, visibility)?;
        return Ok(vec![found]);
    }
    let prefix = prefix(reference);
    let mut filter = Filter::eq("resource_id", None::<Uuid>);
    if !prefix.is_empty() {
        filter = Filter::like("name", format!("{}%", escaped(prefix))).and(filter);
    }
    let pattern = Glob::new(&reference.metric);
    let mut found = database.search_metrics(&MetricSearch::new().filter(filter), visibility)?;
    found.retain(|metric| metric.name.as_deref().is_some_and(|name| pattern.matches(name)));
    found.sort_unstable_by_key(|metric| metric.key);
    Ok(found)
}

/// A text as a pattern of `like` that only it fits.
fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// Takes from resources the metrics that `operation` names and `visibility` does not find.
pub(super) fn hide(
    database: &Database,
    operation: &Operation,
    states: &mut [State],
    visibility: Option<&Filter>,
) -> Result<()> {
    let Some(filter) = visibility else { return Ok(()) };
    let patterns: Vec<Glob> = operation.metrics().iter().map(|reference| Glob::new(&reference.metric)).collect();
    let is_named = |name: &str| patterns.iter().any(|pattern| pattern.matches(name));
    let metrics = states.iter().flat_map(|state| &state.resource.metrics);
    let keys: BTreeSet<MetricKey> = metrics.filter(|(name, _)| is_named(name)).map(|(_, metric)| metric.key).collect();
    let seen = database.visible(filter).among(&keys.into_iter().collect::<Vec<_>>())?;
    for state in states {
        state.resource.metrics.retain(|name, metric| !is_named(name) || seen.contains(&metric.key));
    }
    Ok(())
}

/// The series of metrics that resources have under the names that `operation` gives, and the states of these resources;
/// with `times`, they count only while their states lasted, within these times.
pub(super) fn of_resources(
    operation: &Operation,
    states: Vec<State>,
    times: Option<&EvaluateOptions>,
) -> (Vec<Source>, Vec<Resource>) {
    let references: Vec<(&Reference, Glob)> =
        operation.metrics().into_iter().map(|reference| (reference, Glob::new(&reference.metric))).collect();
    // In the order in which resources come first, each with all its states.
    let mut order: Vec<Uuid> = Vec::new();
    let mut by_resource: BTreeMap<Uuid, Vec<State>> = BTreeMap::new();
    for state in states {
        let id = state.resource.id;
        by_resource.entry(id).or_insert_with(|| {
            order.push(id);
            Vec::new()
        });
        by_resource.entry(id).or_default().push(state);
    }
    let (mut sources, mut resources) = (Vec::new(), Vec::new());
    for id in order {
        let states = by_resource.remove(&id).unwrap_or_default();
        let presence = times.map(|times| Presence::new(states.iter().map(|state| lasted(state, times))));
        let before = sources.len();
        let Some(State { resource, .. }) = states.last() else { continue };
        for (reference, pattern) in &references {
            for (name, metric) in resource.metrics.iter().filter(|(name, _)| pattern.matches(name)) {
                let label = Label { resource: Some(id.to_string()), metric: name.clone(), method: reference.method };
                let (reference, presence) = ((*reference).clone(), presence.clone());
                sources.push(Source { reference, label, key: metric.key, id: metric.id, presence });
            }
        }
        if sources.len() > before {
            resources.extend(states.into_iter().map(|state| state.resource));
        }
    }
    (sources, resources)
}

/// When a state lasted, within the times asked for. The first one that is known of a resource lasted since ever.
fn lasted(state: &State, times: &EvaluateOptions) -> std::ops::Range<i64> {
    let from = times.from.unwrap_or(0);
    let start = if state.first { from } else { state.resource.revision_start.nanos().max(from) };
    let end = state.resource.revision_end.map_or(i64::MAX, Timestamp::nanos);
    start..end.min(times.to.unwrap_or(i64::MAX))
}

/// The granularities that are asked for, or all that the sources have in common.
pub(super) fn shared(database: &Database, sources: &[Source], asked: &[Timespan]) -> Result<Vec<Timespan>> {
    let shared = if asked.is_empty() { common(database, sources)? } else { asked.to_vec() };
    if shared.is_empty() && !sources.is_empty() {
        let named = |source: &Source| (source.reference.metric.clone(), source.reference.method.to_string());
        let references = sources.iter().map(named).collect();
        return Err(Error::Unaggregable { references, reason: "No granularity match".to_owned() });
    }
    Ok(shared)
}

/// The points of all sources at these granularities.
pub(super) fn fetch(
    database: &Database,
    sources: Vec<Source>,
    granularities: &[Timespan],
    options: &EvaluateOptions,
    skip_damaged: bool,
) -> Result<(Vec<Input>, Vec<Corruption>)> {
    let tolerance = if skip_damaged { Tolerance::skipping } else { Tolerance::none };
    let ask = |piece: &[Source]| {
        database.access.check_usable()?;
        database.buffers.lend(|buffers| {
            piece.iter().map(|source| series(database, buffers, source, granularities, options, tolerance)).collect()
        })
    };
    let fetched: Vec<Vec<Vec<Read>>> = in_pieces(&sources, database.threads, &ask)?;
    let mut inputs = Vec::with_capacity(sources.len() * granularities.len());
    let (mut shared, mut skipped) = (Shared::default(), Vec::new());
    for (source, series) in sources.into_iter().zip(fetched.into_iter().flatten()) {
        let Source { reference, label, presence, .. } = source;
        // Of the last one no copy is made.
        let named = std::iter::repeat_n((reference, label, presence), series.len());
        for ((granularity, (points, tolerance)), named) in granularities.iter().zip(series).zip(named) {
            let (met, lost) = tolerance.into_parts();
            for damage in met {
                if !skipped.contains(&damage) {
                    skipped.push(damage);
                }
            }
            let (reference, label, presence) = named;
            let (timestamps, values) = (shared.timestamps(*granularity, points.starts), points.values);
            inputs.push(Input { reference, label, granularity: *granularity, timestamps, values, presence, lost });
        }
    }
    Ok((inputs, skipped))
}

/// The points of a series, and what became of damage that was met.
type Read = (Points, Tolerance);

/// Memory of points that were used up, for those that come: else the kernel hands it out, and takes it back, again and again.
#[derive(Default)]
pub(super) struct Spare(Mutex<Vec<Vec<f64>>>);

impl Spare {
    /// Takes points that nobody needs any more.
    pub(super) fn put(&self, used: impl DoubleEndedIterator<Item = Points>) {
        // The last one in is the first one out: so each comes to the granularity that it was of.
        self.0.lock().extend(used.rev().map(|points| {
            let mut values = points.values;
            values.clear();
            values
        }));
    }

    fn take(&self, most: usize) -> Vec<Vec<f64>> {
        let mut kept = self.0.lock();
        let left = kept.len().saturating_sub(most);
        kept.split_off(left)
    }
}

/// The points of each of these sources, without tolerance for damage.
pub(super) fn several(
    database: &Database,
    sources: &[Source],
    granularities: &[Timespan],
    options: &EvaluateOptions,
    spare: &Spare,
) -> Result<Vec<Vec<Points>>> {
    database.access.check_usable()?;
    let points = |read: Vec<Read>| read.into_iter().map(|(points, _)| points).collect();
    database.buffers.lend(|buffers| {
        buffers.spare = spare.take(sources.len() * granularities.len());
        let mut of_source = |source| series(database, buffers, source, granularities, options, Tolerance::none);
        let read = sources.iter().map(|source| of_source(source).map(points)).collect();
        buffers.spare.clear();
        read
    })
}

/// The points of a source at each granularity; of one that was deleted meanwhile, none or some.
fn series(
    database: &Database,
    buffers: &mut Buffers,
    source: &Source,
    granularities: &[Timespan],
    options: &EvaluateOptions,
    tolerance: fn() -> Tolerance,
) -> Result<Vec<Read>> {
    let mut series = Vec::with_capacity(granularities.len());
    for granularity in granularities {
        match points(database, buffers, source, *granularity, options, tolerance) {
            Ok(read) => series.push(read),
            Err(error) if source.is_gone(&error) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(series)
}

/// The timestamps of series, held once where one series has those of the one before.
#[derive(Default)]
struct Shared(BTreeMap<Timespan, (Starts, Arc<[i64]>)>);

impl Shared {
    fn timestamps(&mut self, granularity: Timespan, starts: Starts) -> Arc<[i64]> {
        if let Some((known, timestamps)) = self.0.get(&granularity)
            && *known == starts
        {
            return Arc::clone(timestamps);
        }
        let timestamps: Arc<[i64]> = starts.clone().into_list().into();
        self.0.insert(granularity, (starts, Arc::clone(&timestamps)));
        timestamps
    }
}

/// The granularities that all sources have, finest first.
fn common(database: &Database, sources: &[Source]) -> Result<Vec<Timespan>> {
    let mut common: Option<Vec<Timespan>> = None;
    for source in sources {
        let plan = database.access.persist(|| database.access.state(|state| state.plan(source.key)));
        let plan = match plan {
            Err(error) if source.is_gone(&error) => continue,
            plan => plan?,
        };
        let has = |granularity: &Timespan| plan.archive(granularity.nanos()).is_some();
        if let Some(common) = &mut common {
            common.retain(has);
        } else {
            common = Some(plan.policy.definitions().iter().map(Definition::granularity).collect());
        }
    }
    Ok(common.unwrap_or_default())
}

fn points(
    database: &Database,
    buffers: &mut Buffers,
    source: &Source,
    granularity: Timespan,
    options: &EvaluateOptions,
    tolerance: fn() -> Tolerance,
) -> Result<Read> {
    let method = source.reference.method;
    let mut query = Query::new(source.key).method(method).granularity(granularity);
    if let Some(from) = options.from {
        query = query.from(Timestamp::from_nanos(from)?);
    }
    if let Some(to) = options.to {
        query = query.to(Timestamp::from_nanos(to)?);
    }
    match database.answer_with(buffers, &query, &[method], tolerance) {
        Ok((points, tolerance)) => Ok((points.into_iter().next().unwrap_or_default(), tolerance)),
        Err(Error::MethodNotKept { .. }) => {
            Err(Error::UnknownReferenceMethod { metric: source.id.to_string(), method: method.to_string() })
        }
        // A series of which nothing can be said, as its state is damaged, does not keep the others from being asked.
        Err(error) => {
            let mut tolerance = tolerance();
            tolerance.take(error)?;
            tolerance.miss_all();
            Ok((Points::default(), tolerance))
        }
    }
}
