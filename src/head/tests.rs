//! A series against a naive window: every accepted measure kept in a map, nothing encoded, nothing set aside.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::codec::{Scratch, encode_measures};
use crate::types::{ArchivePolicy, BeforeJump, Definition, Measure, Pushed, SeriesState, Timespan};

fn plan(archives: &[(i64, Option<u64>)], back_window: u32, methods: &[&str], revision: u64) -> Plan {
    let definition = |&(g, points): &(i64, Option<u64>)| {
        Definition::new(Some(Timespan::from_nanos(g).unwrap()), points, None).unwrap()
    };
    let policy = ArchivePolicy::builder("p").back_window(back_window).definitions(archives.iter().map(definition));
    Plan::new(3, revision, policy.aggregation_methods(methods.iter().copied()).build().unwrap())
}

fn series() -> Series {
    let mut series = Series::unknown();
    series.load(&SeriesState::new(3), Window::Runs(Vec::new()));
    series
}

fn push(series: &mut Series, plan: &Plan, sequence: u64, measures: &[(i64, f64)]) -> Pushed {
    let (timestamps, values): (Vec<i64>, Vec<f64>) = measures.iter().copied().unzip();
    match series.admit(plan, &timestamps, &values) {
        Admission::InOrder => {
            series.apply_in_order(plan, sequence, &timestamps, &values);
            Pushed { accepted: measures.len() as u64, ..Pushed::default() }
        }
        Admission::Sorted { measures, mut pushed } => {
            pushed.overwritten += series.count_overwritten(&measures, &mut Scratch::default()).unwrap();
            series.apply_sorted(plan, sequence, &measures);
            pushed
        }
    }
}

fn window(series: &Series, from: i64, to: i64) -> Vec<(i64, f64)> {
    let mut raw = Raw::default();
    series.snapshot(from, to).read(from, to, &mut Scratch::default(), &mut raw).unwrap();
    raw.timestamps.into_iter().zip(raw.values).collect()
}

fn run(measures: &[Measure]) -> Run {
    let mut raw = Raw::default();
    raw.extend(measures);
    let mut bytes = Vec::new();
    encode_measures(&raw.timestamps, &raw.values, &mut Scratch::default(), &mut bytes);
    let (first, last) = (measures[0].timestamp, measures[measures.len() - 1].timestamp);
    Run { first, last, rows: measures.len() as u32, bytes: bytes.into() }
}

/// The naive window.
#[derive(Default)]
struct Naive {
    all: BTreeMap<i64, f64>,
    newest: Option<i64>,
    sealed_until: i64,
    stored_until: i64,
}

impl Naive {
    fn push(&mut self, plan: &Plan, measures: &[(i64, f64)]) -> Pushed {
        let first = |newest: i64, sealed: i64| {
            (newest / plan.block * plan.block - i64::from(plan.window_blocks) * plan.block).max(sealed)
        };
        let mutable = self.newest.map_or(self.sealed_until, |newest| first(newest, self.sealed_until));
        let mut pushed = Pushed::default();
        for &(timestamp, value) in measures {
            if timestamp < mutable {
                pushed.late += 1;
                continue;
            }
            pushed.accepted += 1;
            pushed.overwritten += u64::from(self.all.insert(timestamp, value).is_some());
            self.newest = self.newest.max(Some(timestamp));
        }
        if pushed.accepted > 0 {
            self.sealed_until = first(self.newest.unwrap(), self.sealed_until);
        }
        pushed
    }

    fn window(&self, from: i64, to: i64) -> Vec<(i64, f64)> {
        self.all.iter().filter(|(t, _)| (from..to).contains(*t)).map(|(t, v)| (*t, *v)).collect()
    }
}

#[derive(Debug, Clone)]
enum Step {
    Push(Vec<(i64, f64)>),
    Jump(i64),
    /// A checkpoint freezes, and later releases or fails.
    Freeze,
    Release,
    /// The memory of stored runs is given back, and brought back when it is needed.
    Drop,
    Evict,
    Policy(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let measures = prop::collection::vec((0_i64..200, (0_i32..50).prop_map(f64::from)), 1..12);
    prop_oneof![
        8 => measures.prop_map(Step::Push),
        3 => (1_i64..150).prop_map(Step::Jump),
        3 => Just(Step::Freeze),
        3 => Just(Step::Release),
        1 => Just(Step::Drop),
        2 => Just(Step::Evict),
        1 => (0_u32..3).prop_map(Step::Policy),
    ]
}

/// A series, the model, and what raw segments would hold of it.
struct Checked {
    series: Series,
    naive: Naive,
    plan: Plan,
    stored: Vec<Run>,
    state: SeriesState,
    now: i64,
    sequence: u64,
    /// What the checkpoint under way took: the state, and what it freezes.
    taken: Option<SeriesState>,
}

impl Checked {
    fn new(archives: &[(i64, Option<u64>)]) -> Checked {
        let plan = plan(archives, 1, &["mean", "rate:max"], 1);
        let (state, series) = (SeriesState::new(3), series());
        Checked { series, naive: Naive::default(), plan, stored: Vec::new(), state, now: 0, sequence: 0, taken: None }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Push(measures) => {
                let measures: Vec<(i64, f64)> = measures.into_iter().map(|(t, v)| (self.now + t, v)).collect();
                self.restore();
                self.sequence += 1;
                let pushed = push(&mut self.series, &self.plan, self.sequence, &measures);
                assert_eq!(pushed, self.naive.push(&self.plan, &measures));
                if pushed.accepted > 0 {
                    self.series.mark_dirty();
                }
            }
            Step::Jump(by) => self.now += by,
            Step::Freeze => {
                self.restore();
                self.taken = Some(self.series.state());
                self.series.freeze();
            }
            Step::Release => self.release(),
            Step::Drop => self.series.drop_window(),
            Step::Evict => self.evict(),
            Step::Policy(back_window) => {
                let archives: Vec<(i64, Option<u64>)> =
                    self.plan.archives.iter().map(|a| (a.granularity, None)).collect();
                self.plan = plan(&archives, back_window, &["mean", "rate:max"], self.plan.revision + 1);
            }
        }
    }

    fn release(&mut self) {
        let Some(mut state) = self.taken.take() else { return };
        let keep_from = self.plan.keep_from(state.sealed_until);
        let before = self.naive.window(i64::MIN, keep_from);
        state.previous = before.last().map(|&(timestamp, value)| Measure::new(timestamp, value));
        state.stored_until = state.sealed_until;
        let frozen = self.series.frozen().map(|frozen| slice(frozen, keep_from, i64::MAX).to_vec()).unwrap_or_default();
        let runs: Vec<Run> = frozen.chunks(4).map(run).collect();
        self.stored.extend(runs.clone());
        self.series.release(&Stored::of(&state), keep_from, runs);
        self.naive.stored_until = state.stored_until;
        self.state = state;
    }

    /// What the engine does before it looks at stored runs.
    fn restore(&mut self) {
        if self.series.presence() == Presence::Unknown {
            self.series.load(&self.state, Window::Stored);
        }
        if !self.series.has_window() {
            let keep_from = self.plan.keep_from(self.series.state().stored_until);
            self.series.restore_window(self.stored.iter().filter(|run| run.last >= keep_from).cloned().collect());
        }
    }

    /// Only a series that raw segments know wholly is evicted. (The engine evicts none while a checkpoint is under way.)
    fn evict(&mut self) {
        let known = self.state.sequence == self.series.state().sequence;
        if self.taken.is_none() && self.series.evict() {
            assert!(known, "a series was evicted that segments do not know");
        }
    }

    fn compare(&mut self) {
        self.restore();
        let state = self.series.state();
        assert_eq!((state.newest >= 0).then_some(state.newest), self.naive.newest);
        assert_eq!((state.sealed_until, state.stored_until), (self.naive.sealed_until, self.naive.stored_until));
        let keep_from = self.plan.keep_from(state.stored_until);
        for (from, to) in [(keep_from, i64::MAX), (keep_from + 30, keep_from + 90), (keep_from, keep_from)] {
            assert_eq!(window(&self.series, from, to), self.naive.window(from, to), "{from}..{to}");
        }
        let previous = state.previous.map(|measure| (measure.timestamp, measure.value));
        assert_eq!(previous, self.naive.window(i64::MIN, keep_from).last().copied(), "the measure before the window");
    }
}

proptest! {
    #[test]
    fn a_series_equals_the_naive_window(
        archives in prop::sample::select(vec![vec![10], vec![60], vec![7, 60], vec![60, 90]]),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let archives: Vec<(i64, Option<u64>)> = archives.into_iter().map(|granularity| (granularity, None)).collect();
        let mut checked = Checked::new(&archives);
        for step in steps {
            checked.step(step);
            checked.compare();
        }
    }

    #[test]
    fn sorting_keeps_the_last_of_equal_timestamps(measures in prop::collection::vec((0_i64..20, any::<u32>()), 0..60)) {
        let mut sorted: Vec<Measure> = measures.iter().map(|&(t, v)| Measure::new(t, f64::from(v))).collect();
        let overwritten = sort_keeping_last(&mut sorted);
        let expected: BTreeMap<i64, f64> = measures.iter().map(|&(t, v)| (t, f64::from(v))).collect();
        prop_assert_eq!(overwritten as usize, measures.len() - expected.len());
        prop_assert_eq!(sorted.iter().map(|m| (m.timestamp, m.value)).collect::<BTreeMap<_, _>>(), expected.clone());
        prop_assert_eq!(sorted.len(), expected.len());
        prop_assert!(sorted.is_sorted_by(|a, b| a.timestamp < b.timestamp));
    }
}

#[test]
fn the_first_batch_takes_all_and_the_next_is_judged_by_it() {
    let plan = plan(&[(10, None)], 1, &["mean"], 1);
    let mut series = series();
    assert_eq!(push(&mut series, &plan, 1, &[(105, 1.0), (3, 1.0)]), Pushed { accepted: 2, overwritten: 0, late: 0 });
    assert_eq!(series.state().sealed_until, 90);
    assert_eq!(push(&mut series, &plan, 2, &[(89, 1.0)]).late, 1);
    assert_eq!(
        push(&mut series, &plan, 3, &[(90, 1.0), (89, 1.0), (300, 1.0)]),
        Pushed { accepted: 2, overwritten: 0, late: 1 }
    );
    assert_eq!(window(&series, 0, i64::MAX).len(), 4);
}

#[test]
fn what_is_sealed_stays_sealed_when_the_back_window_grows() {
    let mut series = series();
    push(&mut series, &plan(&[(10, None)], 0, &["mean"], 1), 1, &[(105, 1.0)]);
    assert_eq!(series.state().sealed_until, 100);
    let wide = plan(&[(10, None)], 5, &["mean"], 2);
    assert_eq!(push(&mut series, &wide, 2, &[(99, 1.0), (131, 1.0)]), Pushed { accepted: 1, overwritten: 0, late: 1 });
    assert_eq!(series.state().sealed_until, 100);
    push(&mut series, &plan(&[(10, None)], 0, &["mean"], 3), 3, &[(132, 1.0)]);
    assert_eq!(series.state().sealed_until, 130, "a narrower one seals with the next batch");
}

#[test]
fn what_a_jump_closes_is_held_until_the_next_block_closes() {
    let plan = plan(&[(10, None)], 2, &["mean"], 1);
    let mut series = series();
    push(&mut series, &plan, 1, &[(500, 1.0)]);
    assert_eq!((series.jump(), series.seal_until()), (None, 480), "the first batch may begin anywhere");
    push(&mut series, &plan, 2, &[(519, 1.0)]);
    assert_eq!((series.jump(), series.seal_until()), (None, 490), "one block is none");
    push(&mut series, &plan, 3, &[(533, 1.0)]);
    assert_eq!(series.jump(), Some(BeforeJump { newest: 519, sealed_until: 490 }));
    assert_eq!((series.state().sealed_until, series.seal_until()), (510, 490));
    // What came in between moves what was before; what came from then does not.
    push(&mut series, &plan, 4, &[(521, 1.0)]);
    assert_eq!(series.jump(), Some(BeforeJump { newest: 521, sealed_until: 500 }));
    push(&mut series, &plan, 5, &[(539, 1.0)]);
    assert_eq!(series.jump(), Some(BeforeJump { newest: 521, sealed_until: 500 }));
    push(&mut series, &plan, 6, &[(540, 1.0)]);
    assert_eq!((series.jump(), series.seal_until()), (None, 520));
    push(&mut series, &plan, 7, &[(990, 1.0)]);
    push(&mut series, &plan, 8, &[(2000, 1.0)]);
    assert_eq!(series.jump(), Some(BeforeJump { newest: 990, sealed_until: 970 }), "the later one can be undone");
}

/// The batch that made a jump final may be lost with the power as long as no segment has it.
#[test]
fn what_expires_goes_by_the_state_in_segments() {
    let plan = plan(&[(10, None)], 0, &["mean"], 1);
    let mut series = series();
    push(&mut series, &plan, 1, &[(500, 1.0)]);
    assert_eq!(series.stored_newest(), -1, "no segment knows it");
    push(&mut series, &plan, 2, &[(900, 1.0)]);
    let jumped = series.state();
    series.freeze();
    push(&mut series, &plan, 3, &[(910, 1.0)]);
    series.release(&Stored::of(&jumped), 0, Vec::new());
    assert_eq!((series.jump(), series.stored_newest()), (None, 500), "the jump is final in memory alone");
    let closed = series.state();
    series.freeze();
    series.release(&Stored::of(&closed), 0, Vec::new());
    assert_eq!(series.stored_newest(), 910);
    series.load(&jumped, Window::Stored);
    assert_eq!((series.jump(), series.stored_newest()), (jumped.jump, 500));
    series.cut(&SeriesState { newest: 500, jump: None, ..jumped });
    assert_eq!((series.jump(), series.stored_newest()), (None, 500), "undone");
}

#[test]
fn a_failed_checkpoint_loses_nothing_and_newer_measures_win() {
    let plan = plan(&[(100, None)], 1, &["mean"], 1);
    let mut series = series();
    push(&mut series, &plan, 1, &[(1, 1.0), (2, 1.0), (3, 1.0)]);
    series.freeze();
    push(&mut series, &plan, 2, &[(2, 2.0), (4, 2.0)]);
    assert_eq!(window(&series, 0, 10), [(1, 1.0), (2, 2.0), (3, 1.0), (4, 2.0)]);
    series.freeze();
    assert_eq!(series.frozen().unwrap().len(), 4, "both together");
    assert_eq!(window(&series, 0, 10), [(1, 1.0), (2, 2.0), (3, 1.0), (4, 2.0)]);
    assert!(!series.evict(), "what no segment has is not given back");
    series.release(&Stored::of(&SeriesState::new(3)), 0, vec![run(&[Measure::new(1, 1.0), Measure::new(4, 2.0)])]);
    assert!(series.evict());
    assert_eq!((series.presence(), series.policy()), (Presence::Unknown, 3));
}

#[test]
fn a_deleted_series_has_nothing_left() {
    let plan = plan(&[(100, None)], 1, &["mean"], 1);
    let mut series = series();
    push(&mut series, &plan, 1, &[(1, 1.0)]);
    series.mark_dirty();
    series.delete();
    assert_eq!((series.presence(), series.state().newest, series.window_bytes()), (Presence::Deleted, -1, 0));
    assert!(window(&series, 0, 10).is_empty());
    assert!(!series.evict(), "it stays known as deleted");
}

/// docs/performance.md and docs/budgets.md say so: a million metrics at rest take that much each.
#[test]
fn a_series_at_rest_costs_its_slot() {
    assert_eq!(size_of::<crate::head::table::Slot>(), 152);
}

#[test]
fn slots_are_found_by_key_and_stay_where_they_are() {
    let table = SeriesTable::default();
    for key in [0, 1, 1023, 1024, 1 << 22, MAX_KEY - 1] {
        table
            .slot(key)
            .unwrap()
            .lock()
            .load(&SeriesState { newest: key as i64, ..SeriesState::new(1) }, Window::Stored);
    }
    assert!(table.slot(MAX_KEY).is_none() && table.slot(u64::MAX).is_none());
    let resident = table.iter().filter(|(_, slot)| slot.lock().presence() == Presence::Resident);
    let found: Vec<(u64, i64)> = resident.map(|(key, slot)| (key, slot.lock().state().newest)).collect();
    assert_eq!(found.iter().map(|(key, _)| *key).collect::<Vec<_>>(), [0, 1, 1023, 1024, 1 << 22, MAX_KEY - 1]);
    assert!(found.iter().all(|(key, newest)| *key == *newest as u64));
}

#[test]
fn retention_and_windows_reach_to_the_ends_of_time() {
    let plan = plan(&[(1, Some(5)), (i64::MAX, None)], u32::MAX, &["mean", "rate:mean"], 1);
    assert_eq!(plan.window_blocks, u32::MAX);
    assert_eq!(plan.first_mutable(i64::MAX - 1, 0), 0);
    assert_eq!(plan.archive(1).unwrap().kept_from(i64::MAX - 1), i64::MAX - 5);
    assert_eq!(plan.archive(1).unwrap().kept_from(2), 0);
    assert_eq!(plan.archive(i64::MAX).unwrap().kept_from(7), 0);
    assert!(plan.archive(2).is_none());
}
