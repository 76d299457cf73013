//! Databases whose directory has a limit against twins without one: whatever was pushed, sealed as far as there was room, merged,
//! deleted and reopened, they answer alike, to the last bit, and never take more than they may.

mod support;

use gnocchetti::{AggregationMethod, ArchivePolicy, Database, Error, MetricKey, Options, OverDisk, Pushed};
use proptest::prelude::*;
use support::{allocated, archive, at, metric, noise, points};

const SECOND: i64 = 1_000_000_000;
const LIMIT: u64 = 16 << 20;
const METRICS: usize = 6;
/// So many that a checkpoint makes several times as much of a measure as the journal.
const METHODS: [&str; 12] =
    ["mean", "std", "median", "first", "last", "min", "95pct", "20pct", "80pct", "rate:mean", "rate:max", "count"];

/// Archives in seconds, finest first; those of most do not divide each other.
fn archives() -> impl Strategy<Value = &'static [i64]> {
    const ALL: [&[i64]; 6] = [&[2, 60], &[3, 40, 60], &[7, 60, 90], &[5, 3600], &[4, 2400, 3600], &[30]];
    prop::sample::select(&ALL[..])
}

#[derive(Debug, Clone)]
enum Step {
    /// Measures of so many metrics, so many each, so many milliseconds apart.
    Push(usize, i64, i64),
    /// A few measures somewhat older than the newest.
    Late(i64),
    /// So many seconds go by.
    Pass(i64),
    Checkpoint,
    Maintain,
    Reopen,
    /// The measures of one metric before a share of all time are deleted, or the metric.
    Delete(usize, Option<i64>),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..=METRICS, 1_i64..12_000, prop::sample::select(&[300_i64, 1000, 2500][..]))
            .prop_map(|(metrics, each, apart)| Step::Push(metrics, each, apart)),
        1 => (1_i64..300).prop_map(Step::Late),
        1 => (1_i64..20_000).prop_map(Step::Pass),
        1 => Just(Step::Checkpoint),
        2 => Just(Step::Maintain),
        1 => Just(Step::Reopen),
        1 => (0..METRICS, prop::option::weighted(0.8, 1_i64..8)).prop_map(|(of, part)| Step::Delete(of, part)),
    ]
}

/// A database, and one without a limit that gets what the first one took.
struct Pair {
    limited: Option<Database>,
    twin: Database,
    folder: tempfile::TempDir,
    options: Options,
    metrics: Vec<MetricKey>,
    now: i64,
}

impl Pair {
    fn new(policy: &ArchivePolicy, over: OverDisk) -> Pair {
        let folder = tempfile::tempdir().unwrap();
        let options = support::options().disk(Some(LIMIT)).over_disk(over);
        let open = |name: &str, options: Options| {
            let db = Database::open(folder.path().join(name), options).unwrap();
            db.create_archive_policy(policy).unwrap();
            let metrics: Vec<_> = (0..METRICS).map(|i| metric(&db, &format!("m.{i}"), policy.name())).collect();
            (db, metrics)
        };
        let (limited, metrics) = open("limited", options.clone());
        let (twin, _) = open("twin", support::options());
        Pair { limited: Some(limited), twin, folder, options, metrics, now: 100_000 * SECOND }
    }

    fn limited(&self) -> &Database {
        self.limited.as_ref().unwrap()
    }

    /// Pushes to both what the first one takes.
    fn push(&self, measures: &[(usize, i64)]) {
        let push = |db: &Database| -> Result<Pushed, Error> {
            let mut batch = db.batch();
            for &(of, time) in measures.iter().filter(|(of, _)| *of < self.metrics.len()) {
                batch.add(self.metrics[of], at(time), noise(of, time));
            }
            batch.commit().map(|report| report.total())
        };
        match push(self.limited()) {
            Ok(pushed) => assert_eq!(push(&self.twin).unwrap(), pushed),
            Err(Error::DiskLimit { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Push(metrics, each, apart) => {
                let times = (0..each).map(|i| self.now + i * apart * 1_000_000);
                let measures: Vec<_> = times.flat_map(|time| (0..metrics).map(move |of| (of, time))).collect();
                self.push(&measures);
                self.now += each * apart * 1_000_000;
            }
            Step::Late(by) => {
                let measures: Vec<_> = (0..METRICS).map(|of| (of, self.now - by * SECOND)).collect();
                self.push(&measures);
            }
            Step::Pass(seconds) => self.now += seconds * SECOND,
            Step::Checkpoint => self.limited().checkpoint().unwrap(),
            Step::Maintain => self.limited().maintain().unwrap(),
            Step::Reopen => {
                self.limited.take().unwrap().close().unwrap();
                let reopened = Database::open(self.folder.path().join("limited"), self.options.clone());
                self.limited = Some(reopened.unwrap());
            }
            Step::Delete(of, Some(part)) => {
                self.delete(of, 100_000 * SECOND + (self.now / SECOND - 100_000) * part / 8 * SECOND);
            }
            Step::Delete(of, None) => {
                if of + 1 == self.metrics.len() && of > 0 {
                    let key = self.metrics.remove(of);
                    self.limited().delete_metric(key).unwrap();
                    self.twin.delete_metric(key).unwrap();
                }
            }
        }
        assert!(allocated(&self.folder.path().join("limited")) <= LIMIT);
    }

    /// Deletes from both, where the first one has room to.
    fn delete(&self, of: usize, to: i64) {
        let Some(key) = self.metrics.get(of) else { return };
        match self.limited().delete_measures(*key, ..at(to), gnocchetti::DeleteOptions::new()) {
            Ok(deleted) => {
                let twin = self.twin.delete_measures(*key, ..at(to), gnocchetti::DeleteOptions::new()).unwrap();
                assert_eq!((deleted.newest, deleted.accepted_from), (twin.newest, twin.accepted_from));
            }
            Err(Error::DiskLimit { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// All that both have: of archives that expired early, from there on.
    fn compare(&self, archives: &[i64]) {
        let stats = self.limited().stats().unwrap();
        for key in &self.metrics {
            for g in archives.iter().map(|seconds| seconds * SECOND) {
                let early = stats.expired_early.iter().find(|early| early.granularity == g);
                let from = early.map_or(i64::MIN, |early| early.until);
                for method in METHODS {
                    let method: AggregationMethod = method.parse().unwrap();
                    let of = |db: &Database| -> Vec<(i64, u64)> {
                        let points = points(db, *key, g, method).into_iter().filter(|(time, _)| *time >= from);
                        points.map(|(time, value)| (time, value.to_bits())).collect()
                    };
                    assert!(of(self.limited()) == of(&self.twin), "{method} of {g}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn a_limit_changes_no_answer(
        archives in archives(),
        kept in prop::option::of(2000_u64..50_000),
        back_window in 0_u32..2,
        expires in any::<bool>(),
        ballast in 8_usize..13,
        steps in prop::collection::vec(step(), 20..40),
    ) {
        let definitions = archives.iter().map(|seconds| archive(seconds * SECOND, kept));
        let policy = ArchivePolicy::builder("p").back_window(back_window).definitions(definitions);
        let policy = policy.aggregation_methods(METHODS).build().unwrap();
        let mut pair = Pair::new(&policy, if expires { OverDisk::Expire } else { OverDisk::Refuse });
        // What else lies in the directory counts: little is left.
        std::fs::write(pair.folder.path().join("limited/ballast"), vec![1; ballast << 20]).unwrap();
        pair.step(&Step::Reopen);
        for step in &steps {
            pair.step(step);
        }
        pair.compare(archives);
        pair.step(&Step::Maintain);
        pair.compare(archives);
        let report = pair.limited().check(&mut |_| {}).unwrap();
        prop_assert!(report.is_sound(), "{report:?}");
    }
}
