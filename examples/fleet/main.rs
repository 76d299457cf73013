//! A small fleet of typed resources, one of which moves, and what its hosts have to do: as the fleet is now, and as it was.
//!
//! Everything happens on a morning of 2026 that the program makes up, in a directory that it removes: two runs print the
//! same.

#[allow(dead_code, reason = "this example needs tables only")]
#[path = "../common/mod.rs"]
mod common;

use std::process::ExitCode;

use common::{Arguments, Misused, Outcome, Table, number};
use gnocchetti::ops::OutputLabel;
use gnocchetti::{
    Aggregated, Aggregates, ArchivePolicy, Attribute, Database, Definition, Filter, History, NewResource, Options,
    Resource, ResourceAggregates, ResourceMetric, ResourceSearch, ResourceType, ResourceUpdate, Timespan, Timestamp,
};

const USAGE: &str = "\
Makes a small fleet of typed resources, moves one, and prints what its hosts have to do, now and over time.

Usage: fleet
";

/// The fleet: name, host, flavor, and how many cores it keeps busy in its first hour.
const FLEET: [(&str, &str, &str, f64); 4] = [
    ("web-1", "node-a", "small", 1.0),
    ("web-2", "node-a", "small", 2.0),
    ("db-1", "node-b", "large", 4.0),
    ("cache-1", "node-b", "small", 0.5),
];

/// The hours of the morning that are measured.
const HOURS: std::ops::Range<i64> = 8..13;

fn main() -> ExitCode {
    common::run(USAGE, &[], fleet)
}

fn fleet(arguments: &Arguments) -> Outcome<()> {
    Misused::unless(arguments.words.is_empty(), "there is nothing to say")?;
    let directory = tempfile::tempdir()?;
    let db = Database::open(directory.path().join("db"), Options::new())?;
    prepare(&db)?;
    let web_2 = create(&db)?;
    measure(&db)?;

    let moved = ResourceUpdate::new().attribute("host", "node-b").as_of(clock(10, 30)?);
    db.update_resource(web_2, &moved, None)?;
    println!("the fleet, of which web-2 moved at 10:30\n\n{}", states(&db)?);

    let busy = || Ok::<_, gnocchetti::Error>(Aggregates::new("(aggregate sum (metric cpu.busy mean))".parse()?));
    let by_host = ResourceAggregates::new(busy()?, ResourceSearch::of("instance")).group_by("host");
    println!("cores busy by host, as the fleet is now\n\n{}", groups(&db.aggregates_of_resources(&by_host, None)?)?);
    let over_time = by_host.use_history(true);
    println!("cores busy by host, as the fleet was\n\n{}", groups(&db.aggregates_of_resources(&over_time, None)?)?);

    let small = ResourceSearch::of("instance").filter(Filter::parse("flavor = small and name like 'web-%'")?);
    let each = ResourceAggregates::new(Aggregates::new("(metric cpu.* mean)".parse()?), small);
    println!("cores busy by each small web server\n\n{}", groups(&db.aggregates_of_resources(&each, None)?)?);
    db.close()?;
    Ok(())
}

/// A time of that morning.
fn clock(hour: i64, minute: i64) -> gnocchetti::Result<Timestamp> {
    let midnight: Timestamp = "2026-03-02T00:00:00".parse()?;
    Timestamp::from_nanos(midnight.nanos() + (hour * 60 + minute) * 60_000_000_000)
}

/// What is kept of each metric, and what an instance is.
fn prepare(db: &Database) -> gnocchetti::Result<()> {
    let hourly = ArchivePolicy::builder("hourly").definition(Definition::unlimited(Timespan::HOUR)).build()?;
    db.create_archive_policy(&hourly)?;
    let instance = ResourceType::new("instance")
        .attribute("name", Attribute::string())
        .attribute("host", Attribute::string())
        .attribute("flavor", Attribute::string().optional());
    db.create_resource_type(&instance)
}

/// The fleet as it was at 8 o'clock; the id of the one that will move comes back.
fn create(db: &Database) -> gnocchetti::Result<gnocchetti::Uuid> {
    let mut instances = Vec::new();
    for (name, host, flavor, _) in FLEET {
        let instance = NewResource::named("instance", name, Some("fleet"))?
            .attribute("name", name)
            .attribute("host", host)
            .attribute("flavor", flavor)
            .metric("cpu.busy", ResourceMetric::under("hourly").unit("cores"))
            .as_of(clock(8, 0)?);
        instances.push(instance);
    }
    db.create_resources(&instances)?;
    Ok(db.resource_by_original_id("web-2", Some("fleet"), None)?.id)
}

/// A measure of each instance every ten minutes: in each hour as many times what it does in the first one, a quarter more
/// and less in turns.
fn measure(db: &Database) -> gnocchetti::Result<()> {
    let mut batch = db.resource_batch();
    for (name, _, _, cores) in FLEET {
        let id = gnocchetti::ResourceId::new(name, Some("fleet"))?;
        for hour in HOURS {
            for tick in 0..6 {
                let swing = if tick % 2 == 0 { 0.25 } else { -0.25 };
                let busy = cores * (hour - HOURS.start + 1) as f64 + swing;
                batch.add(&id, "cpu.busy", clock(hour, tick * 10)?, busy);
            }
        }
    }
    batch.commit(None)?;
    Ok(())
}

/// All states that the fleet has been in.
fn states(db: &Database) -> gnocchetti::Result<Table> {
    let mut table = Table::new(&["name", "host", "flavor", "from", "to"], 5);
    let search = ResourceSearch::of("instance").history(History::All);
    let shown = |state: &Resource, name: &str| state.attributes.get(name).map_or_else(String::new, ToString::to_string);
    for state in db.search_resources(&search, None)? {
        let end = state.revision_end.map_or_else(|| "now".to_owned(), |end| end.to_string());
        let mut row = ["name", "host", "flavor"].map(|name| shown(&state, name)).to_vec();
        row.extend([state.revision_start.to_string(), end]);
        table.row(row);
    }
    Ok(table)
}

/// A row for each series of each group, and a column for each hour.
fn groups(answers: &[Aggregated]) -> gnocchetti::Result<Table> {
    let hours: Vec<String> = HOURS.map(|hour| format!("{hour}:00")).collect();
    let header: Vec<&str> = std::iter::once("group").chain(hours.iter().map(String::as_str)).collect();
    let mut table = Table::new(&header, 1);
    for answer in answers {
        for series in &answer.series {
            let name = match &series.label {
                OutputLabel::Aggregated => {
                    let values: Vec<String> = answer.group.iter().map(|(_, value)| value.to_string()).collect();
                    values.join(" ")
                }
                OutputLabel::Metric(label) => {
                    format!("{} {}", label.resource.as_deref().unwrap_or_default(), label.metric)
                }
            };
            let mut row = vec![name];
            for hour in HOURS {
                let at = series.columns.timestamps.binary_search(&clock(hour, 0)?.nanos());
                row.push(at.map_or_else(|_| "-".to_owned(), |at| number(series.columns.values[at])));
            }
            table.row(row);
        }
    }
    Ok(table)
}
