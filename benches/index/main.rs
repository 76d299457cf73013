//! Speed of the index with 100,000 resources of three metrics each and 1.2 million revisions: creation, lookup, search,
//! pages, and the state at a time long past; and of an operation across a thousand metrics, next to Gnocchi's. Each figure is
//! one line: `figure: NAME VALUE UNIT`. Creation is also measured next to `SQLite` alone.
//! `cargo bench --bench index -- agg` measures the operation only, `-- resources` the rest.

#![allow(clippy::expect_used, reason = "a bench that cannot go on says why")]

mod across;
mod bare;

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use bare::Bare;
use gnocchetti::internals::indexer::Indexer;
use gnocchetti::{
    Attribute, Error, Filter, History, MetricKey, NewResource, ResourceMetric, ResourceSearch, ResourceType, Sort,
    Timestamp,
};

const RESOURCES: usize = 100_000;
const BATCH: usize = 1_000;
/// Resources that share a host: how many a search finds.
const HITS: usize = 100;
/// How often each resource changes, two revisions each time but for the current one.
const CHANGES: usize = 6;
const PAGE: usize = 100;
const SECOND: i64 = 1_000_000_000;

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_nanos((1_700_000_000 + seconds) * SECOND).expect("after 1970")
}

fn host(resource: usize) -> String {
    format!("compute-{:04}", resource % (RESOURCES / HITS))
}

fn resource(number: usize) -> NewResource {
    let metric = |unit| ResourceMetric::under("low").unit(unit);
    NewResource::named("instance", &format!("instance-{number:06}"), Some("agent:cloud"))
        .expect("an id")
        .user(format!("user-{}", number % 5_000))
        .project(format!("project-{}", number % 500))
        .attribute("host", host(number))
        .attribute("cores", (number % 64) as f64)
        .metric("cpu", metric("%"))
        .metric("memory", metric("B"))
        .metric("disk", metric("B/s"))
}

/// An index with the type of the resources.
fn open(path: &Path) -> Result<Indexer, Error> {
    let index = Indexer::open(path)?;
    index.create_default_policies()?;
    let instance =
        ResourceType::new("instance").attribute("host", Attribute::string()).attribute("cores", Attribute::number());
    index.create_resource_type(&instance)?;
    Ok(index)
}

/// Creates all resources, and the same, batch by batch in turns, with `SQLite` alone in another index; what comes back are the
/// keys of one metric each.
fn create(index: &Indexer, other: &Path) -> Result<Vec<MetricKey>, Error> {
    let mut keys = Vec::with_capacity(RESOURCES);
    drop(open(other)?);
    let mut bare = Bare::open(other).expect("an index");
    let (mut spent, mut spent_bare) = (Duration::ZERO, Duration::ZERO);
    for first in (0..RESOURCES).step_by(BATCH) {
        let batch: Vec<_> = (first..first + BATCH).map(resource).collect();
        let now = time((first / BATCH) as i64 - 100);
        let begin = Instant::now();
        let created = index.create_resources(&batch, now)?;
        spent += begin.elapsed();
        keys.extend(created.resources.iter().map(|resource| resource.metrics["cpu"].key));
        let begin = Instant::now();
        bare.create(&batch, now).expect("rows that fit");
        spent_bare += begin.elapsed();
    }
    figure("create_resources", RESOURCES as f64 / spent.as_secs_f64(), "resources/s");
    figure("create_resources_vs_sqlite", spent_bare.as_secs_f64() / spent.as_secs_f64(), "times");
    Ok(keys)
}

/// Ends and reopens every resource again and again.
fn change(index: &Indexer, keys: &[MetricKey]) -> Result<(), Error> {
    let begin = Instant::now();
    let mut revisions = 0;
    for round in 0..CHANGES as i64 {
        for chunk in keys.chunks(BATCH) {
            let silent = index.silent_resources(chunk)?;
            assert!(silent.is_empty(), "two other metrics each are not silent");
            let ids: Vec<_> = ids(index, chunk)?;
            revisions += index.end_resources(&ids, time(round * 100 + 10), time(round * 100 + 20))?.len();
            let measured: Vec<_> = chunk.iter().map(|key| (*key, time(round * 100 + 50))).collect();
            revisions += index.reopen_resources(&measured, time(round * 100 + 60))?.len();
        }
    }
    assert_eq!(revisions, 2 * CHANGES * RESOURCES);
    figure("revise_resources", revisions as f64 / begin.elapsed().as_secs_f64(), "revisions/s");
    Ok(())
}

fn ids(index: &Indexer, keys: &[MetricKey]) -> Result<Vec<gnocchetti::Uuid>, Error> {
    let mut ids = Vec::with_capacity(keys.len());
    for key in keys {
        ids.extend(index.metric_by_key(*key)?.and_then(|stored| stored.metric.resource_id));
    }
    Ok(ids)
}

/// The median time of one call, in microseconds.
fn median(calls: usize, mut call: impl FnMut(usize) -> Result<(), Error>) -> Result<f64, Error> {
    let mut times = Vec::with_capacity(calls);
    for number in 0..calls {
        let begin = Instant::now();
        call(number)?;
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    Ok(times[calls / 2].as_secs_f64() * 1e6)
}

fn figure(name: &str, value: f64, unit: &str) {
    println!("figure: {name} {value:.3} {unit}");
}

fn ask(index: &Indexer) -> Result<(), Error> {
    let lookup = median(10_000, |number| {
        let original = format!("instance-{:06}", number * 7919 % RESOURCES);
        let found = index.resource_by_original_id(&original, Some("agent:cloud"), None)?;
        assert!(black_box(found).is_some());
        Ok(())
    })?;
    figure("lookup_original", lookup, "us");
    let by_host = |number: usize| ResourceSearch::of("instance").filter(Filter::eq("host", host(number * 37)));
    let search = median(200, |number| {
        let found = index.search_resources(&by_host(number), None)?;
        assert_eq!(black_box(found).len(), HITS);
        Ok(())
    })?;
    figure("search_attr", search / 1e3, "ms");
    let by_start = vec![Sort::by("revision_start"), Sort::by("started_at")];
    let mine = Filter::eq("creator", "agent:cloud");
    let orders = [
        ("list_page", vec![], None),
        ("list_page_visible", vec![], Some(&mine)),
        ("list_page_by_start", by_start, None),
    ];
    for (name, sort, visibility) in orders {
        let mut marker = None;
        let page = median(RESOURCES / PAGE, |_| {
            let mut page = ResourceSearch::of("instance").limit(PAGE);
            page.marker = marker;
            page.sort.clone_from(&sort);
            let found = index.search_resources(&page, visibility)?;
            assert_eq!(found.len(), PAGE);
            marker = found.last().map(gnocchetti::Resource::marker);
            Ok(())
        })?;
        figure(name, page / 1e3, "ms");
    }
    Ok(())
}

fn ask_history(index: &Indexer) -> Result<(), Error> {
    let history = median(200, |number| {
        let search = ResourceSearch::of("instance")
            .filter(Filter::eq("host", host(number * 37)))
            .history(History::At(time(250)));
        assert_eq!(black_box(index.search_resources(&search, None)?).len(), HITS);
        Ok(())
    })?;
    figure("history_search", history / 1e3, "ms");
    Ok(())
}

fn main() -> Result<(), Error> {
    if !std::env::args().any(|word| word == "resources") {
        across::measure()?;
    }
    if std::env::args().any(|word| word == "agg") {
        return Ok(());
    }
    let directory = tempfile::tempdir().expect("a directory");
    let index = open(&directory.path().join("index.sqlite"))?;
    let keys = create(&index, &directory.path().join("other.sqlite"))?;
    ask(&index)?;
    change(&index, &keys)?;
    ask_history(&index)
}
