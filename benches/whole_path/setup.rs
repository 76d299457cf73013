//! What the measurements share: how a database is opened, its policy, its metrics, and medians of what was measured.

use std::path::PathBuf;
use std::time::Duration;

use gnocchetti::{
    ArchivePolicy, Database, Definition, Durability, MetricKey, NewMetric, Options, Pushed, Timespan, Timestamp,
};

/// What a measurement comes to; the error says what is wrong.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

pub const SECOND: i64 = 1_000_000_000;

/// Where time begins in all measurements: 2023-11-14, at the beginning of a day and so of every group.
pub const EPOCH: i64 = 1_699_920_000 * SECOND;

/// The name of the one policy of every database here.
const POLICY: &str = "bench";

/// What a measuring process was told.
pub struct Run {
    /// A directory of its own, removed by the process above.
    pub directory: PathBuf,
    pub quick: bool,
    pub arguments: Vec<String>,
}

impl Run {
    /// The size for this run.
    pub fn size(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }
}

/// A directory under `target` that goes when it is dropped.
pub fn temporary_directory() -> Outcome<tempfile::TempDir> {
    let parent = env!("CARGO_TARGET_TMPDIR");
    std::fs::create_dir_all(parent)?;
    Ok(tempfile::Builder::new().prefix("whole_path-").tempdir_in(parent)?)
}

/// Options with this durability and otherwise the defaults; all timestamps lie in the past.
pub fn options(durability: Durability) -> Options {
    Options::new().durability(durability)
}

/// The durability of most measurements.
pub const KERNEL: Durability = Durability::Kernel(Duration::from_secs(1));

/// 1 s for an hour, 1 min for a week, 1 h for a year.
pub fn usual_archives() -> Outcome<Vec<Definition>> {
    Ok(vec![
        Definition::spanning(Timespan::SECOND, Timespan::HOUR)?,
        Definition::spanning(Timespan::MINUTE, Timespan::from_days(7)?)?,
        Definition::spanning(Timespan::HOUR, Timespan::from_days(365)?)?,
    ])
}

/// The one archive of this many seconds, kept for ever.
pub fn one_archive(seconds: u64) -> Outcome<Vec<Definition>> {
    Ok(vec![Definition::unlimited(Timespan::from_secs(seconds)?)])
}

/// The methods of every policy here.
pub const METHODS: [&str; 6] = ["mean", "min", "max", "sum", "count", "std"];

/// Creates the policy of these archives.
pub fn create_policy(db: &Database, archives: Vec<Definition>) -> Outcome<()> {
    let policy = ArchivePolicy::builder(POLICY).back_window(0).definitions(archives).aggregation_methods(METHODS);
    db.create_archive_policy(&policy.build()?)?;
    Ok(())
}

/// Creates metrics `m0`, `m1` and so on; their keys follow one another.
pub fn create_metrics(db: &Database, count: usize) -> Outcome<Vec<MetricKey>> {
    let mut keys = Vec::with_capacity(count);
    for first in (0..count).step_by(10_000) {
        let new: Vec<NewMetric> = (first..count.min(first + 10_000))
            .map(|metric| NewMetric::named(format!("m{metric}")).archive_policy(POLICY))
            .collect();
        keys.extend(db.create_metrics(&new)?.iter().map(|metric| metric.key));
    }
    Ok(keys)
}

/// Opens a new database in the run's directory, with this policy and so many metrics.
pub fn new_database(
    run: &Run,
    name: &str,
    options: Options,
    archives: Vec<Definition>,
    metrics: usize,
) -> Outcome<(Database, Vec<MetricKey>)> {
    let db = Database::open(run.directory.join(name), options)?;
    create_policy(&db, archives)?;
    let keys = create_metrics(&db, metrics)?;
    Ok((db, keys))
}

/// The time that lies so many seconds after the beginning.
pub fn at(seconds: i64) -> Outcome<Timestamp> {
    Ok(Timestamp::from_nanos(EPOCH + seconds * SECOND)?)
}

/// Refuses a push of which anything was dropped or taken for another measure's successor.
pub fn expect_accepted(pushed: Pushed, measures: usize) -> Outcome<()> {
    let expected = Pushed { accepted: measures as u64, overwritten: 0, late: 0 };
    if pushed == expected { Ok(()) } else { Err(format!("{pushed:?} came of a push of {measures} measures").into()) }
}

/// Refuses a database that did not accept just so many measures, or whose background work failed: the checkpoint waits
/// until that has come to rest.
pub fn expect_total(db: &Database, measures: usize) -> Outcome<()> {
    db.checkpoint()?;
    let stats = db.stats()?;
    if let Some(error) = stats.background_error {
        return Err(format!("the background work failed: {error}").into());
    }
    let pushed = Pushed { accepted: stats.accepted, overwritten: stats.overwritten, late: stats.late };
    expect_accepted(pushed, measures)
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
