//! The walk over an operation: tables in, one table out, for each granularity by itself.
//!
//! Operands are evaluated before their operator; numbers stay numbers until they meet a table. The tree was checked for
//! depth, so that recursion is bounded. What cannot be brought together is an error; arithmetic never is one.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::across::across;
use super::arithmetic::{at_least, at_most, binary, binary_of_truths, differences, unary, yields_truths};
use super::fill::Fill;
use super::input::{Evaluated, Input, Label, OutputLabel, OutputSeries};
use super::join::{join, unaggregable};
use super::lost;
use super::operation::{Operation, Reference};
use super::operator::{BinaryOperator, UnaryOperator};
use super::presence::weigh;
use super::reduction::{Pick, Reduction, Statistic};
use super::rolling::rolling;
use super::table::Table;
use crate::carbonara::{Sampling, resample};
use crate::error::{Error, Result};
use crate::types::{AggregationMethod, Columns};

const SECOND: f64 = 1e9;

/// How series are brought together.
///
/// ```
/// use gnocchetti::ops::{EvaluateOptions, Fill};
///
/// assert_eq!(EvaluateOptions::asked(None, None).fill, Some(Fill::DropNan));
/// assert_eq!(EvaluateOptions::asked(None, Some(50.0)).needed_overlap, 50.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EvaluateOptions {
    /// What stands where a series has no value; with none, series must overlap.
    pub fill: Option<Fill>,
    /// In how many of 100 timestamps all series must have a value, when there is no `fill`.
    pub needed_overlap: f64,
    /// The oldest time asked for, in ns; rounded down to the granularity.
    pub from: Option<i64>,
    /// The first time not asked for, in ns.
    pub to: Option<i64>,
}

impl Default for EvaluateOptions {
    /// Full overlap, no bounds.
    fn default() -> Self {
        EvaluateOptions { fill: None, needed_overlap: 100.0, from: None, to: None }
    }
}

impl EvaluateOptions {
    /// The options of Gnocchi's aggregates: holes are dropped unless a fill or an overlap is asked for.
    pub fn asked(fill: Option<Fill>, needed_overlap: Option<f64>) -> Self {
        let fill = if needed_overlap.is_none() { fill.or(Some(Fill::DropNan)) } else { fill };
        EvaluateOptions { fill, needed_overlap: needed_overlap.unwrap_or(100.0), ..EvaluateOptions::default() }
    }
}

/// What `operation` makes of `inputs`.
///
/// Only granularities that all metrics have count, and inputs that the operation refers to. Each granularity is evaluated
/// by itself. The result is one series when the operation aggregates or combines series with each other (the first, when
/// several are left), and one per metric otherwise.
///
/// # Errors
///
/// [`Error::UnknownMetric`] when a `metric` has no input. [`Error::Unaggregable`] when the metrics have no granularity in
/// common, overlap too little, or stand for different times, or when a window is longer than the series.
/// [`Error::InvalidQuery`] for inputs that are out of order or given twice. [`Error::OperationTooLarge`] for a tree too deep
/// or too many values.
///
/// ```
/// use gnocchetti::ops::{EvaluateOptions, Input, Operation, evaluate};
/// use gnocchetti::{Columns, Timespan};
///
/// let operation: Operation = "(aggregate sum (metric (a mean) (b mean)))".parse()?;
/// let inputs: Vec<Input> = operation.metrics().into_iter().map(|reference| {
///     let columns = Columns { timestamps: vec![0, 60_000_000_000], values: vec![1.0, 2.0] };
///     Input::new(reference.clone(), Timespan::MINUTE, columns)
/// }).collect();
/// let evaluated = evaluate(&operation, &inputs, &EvaluateOptions::default())?;
/// assert_eq!(evaluated.series[0].columns.values, [2.0, 4.0]);
/// # Ok::<(), gnocchetti::Error>(())
/// ```
pub fn evaluate(operation: &Operation, inputs: &[Input], options: &EvaluateOptions) -> Result<Evaluated> {
    operation.check_depth()?;
    if operation.is_constant() {
        let reason = "the operation has no metric in it".to_owned();
        return Err(Error::InvalidQuery { reason });
    }
    let asked: HashSet<&Reference> = operation.metrics().into_iter().collect();
    let alike = inputs.chunk_by(|a, b| a.reference == b.reference);
    let asked_for = alike.filter(|alike| alike.first().is_some_and(|input| asked.contains(&input.reference)));
    let inputs: Vec<&Input> = asked_for.flatten().collect();
    let mut series = Vec::new();
    for inputs in by_granularity(&inputs)? {
        let walk = Walk::new(&inputs, join(&inputs, options)?);
        let Value::Table(table) = walk.value(operation)? else { continue };
        walk.outputs(table, options, &mut series);
    }
    if series.is_empty() { Err(Error::UnknownMetric { metric: names(asked) }) } else { Ok(Evaluated { series }) }
}

fn names<'a>(references: impl IntoIterator<Item = &'a Reference>) -> String {
    let mut names: Vec<&str> = references.into_iter().map(|reference| reference.metric.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.join("`, `")
}

/// The inputs of each granularity that all have, coarsest first.
fn by_granularity<'a>(inputs: &[&'a Input]) -> Result<Vec<Vec<&'a Input>>> {
    let mut given = HashSet::with_capacity(inputs.len());
    let mut granularities: BTreeMap<_, Vec<&Input>> = BTreeMap::new();
    for input in inputs {
        if !given.insert((input.granularity, &input.label, &input.reference)) {
            let reason = format!("the points of `{}` are given twice", input.label.metric);
            return Err(Error::InvalidQuery { reason });
        }
        granularities.entry(input.granularity).or_default().push(input);
    }
    let sources = if granularities.len() > 1 {
        let sources: HashSet<(&Label, &Reference)> =
            given.iter().map(|(_, label, reference)| (*label, *reference)).collect();
        sources.len()
    } else {
        given.len()
    };
    let common = granularities.into_values().rev().filter(|inputs| inputs.len() == sources);
    let common: Vec<Vec<&Input>> = common.collect();
    if common.is_empty() && !inputs.is_empty() {
        return Err(unaggregable(inputs, "No granularity match"));
    }
    Ok(common)
}

/// What an operation's operand is.
enum Value<'a> {
    Number { value: f64, truth: bool },
    Table(Table<'a>),
}

/// One granularity's evaluation.
pub(super) struct Walk<'a> {
    pub(super) inputs: &'a [&'a Input],
    /// Whether some inputs count only at some times.
    partly: bool,
    joined: Table<'a>,
    columns_of: HashMap<&'a Reference, Vec<usize>>,
}

impl<'a> Walk<'a> {
    fn new(inputs: &'a [&'a Input], joined: Table<'a>) -> Self {
        let mut columns_of: HashMap<&Reference, Vec<usize>> = HashMap::new();
        let mut next = 0;
        for alike in inputs.chunk_by(|a, b| a.reference == b.reference) {
            let Some(first) = alike.first() else { continue };
            columns_of.entry(&first.reference).or_default().extend(next..next + alike.len());
            next += alike.len();
        }
        let partly = inputs.iter().any(|input| input.presence.is_some());
        let lost = lost::of_inputs(inputs, &joined);
        Walk { inputs, partly, joined: Table { lost, ..joined }, columns_of }
    }

    fn value(&'a self, operation: &Operation) -> Result<Value<'a>> {
        let table = match operation {
            Operation::Number(value) => return Ok(Value::Number { value: *value, truth: false }),
            Operation::Metric(references) => self.metric(references)?,
            Operation::Aggregate { reduction, of } => self.aggregate(self.table(of, "aggregate")?, *reduction),
            Operation::Rolling { reduction, window, of } => {
                self.rolling(self.table(of, "rolling")?, *reduction, window.get())?
            }
            Operation::Resample { method, sampling, of } => {
                self.resampled(self.table(of, "resample")?, *method, *sampling)?
            }
            Operation::Unary { operator, of } => return self.unary(*operator, of),
            Operation::Binary { operator, left, right } => return self.binary(*operator, left, right),
            Operation::Clip { of, min, max } => return self.clip(of, min, max.as_deref()),
        };
        Ok(Value::Table(table))
    }

    /// An operand that must have points.
    fn table(&'a self, operation: &Operation, name: &str) -> Result<Table<'a>> {
        match self.value(operation)? {
            Value::Table(table) => Ok(table),
            Value::Number { .. } => {
                let reason = format!("`{name}` needs an operation with a metric in it, not a number");
                Err(Error::InvalidQuery { reason })
            }
        }
    }

    /// The series of some references, in the order of the inputs.
    fn metric(&'a self, references: &[Reference]) -> Result<Table<'a>> {
        let found = references.iter().filter_map(|reference| self.columns_of.get(reference));
        let mut sources: Vec<usize> = found.flatten().copied().collect();
        sources.sort_unstable();
        sources.dedup();
        if sources.is_empty() {
            return Err(Error::UnknownMetric { metric: names(references) });
        }
        Ok(Table {
            granularity: self.joined.granularity,
            timestamps: Cow::Borrowed(&self.joined.timestamps),
            columns: sources.iter().map(|source| Cow::Borrowed(&*self.joined.columns[*source])).collect(),
            lost: lost::columns(&self.joined.lost, &sources),
            sources,
            weighed: false,
            aggregated: false,
            truths: false,
        })
    }

    fn aggregate(&self, table: Table<'a>, reduction: Reduction) -> Table<'a> {
        let table = self.weighed(table);
        let statistic = reduction.statistic();
        let truths = keeps_truths(&table, statistic);
        let mut column = across(&table.columns, table.rows(), statistic);
        if self.partly {
            weigh(&mut column, &self.shares_of_any(&table));
        }
        let lost = lost::of_all(&table);
        let (aggregated, columns) = (true, vec![Cow::Owned(column)]);
        let table = Table { sources: vec![0], aggregated, truths, columns, lost, ..table }.forget_lost();
        if reduction.is_rate() { self.changes(table) } else { table }
    }

    /// The table with each value multiplied by its share, once.
    fn weighed(&self, table: Table<'a>) -> Table<'a> {
        if !self.partly || table.weighed {
            return table;
        }
        let mut columns = table.columns;
        for (column, source) in columns.iter_mut().zip(&table.sources) {
            if let Some(presence) = self.inputs.get(*source).and_then(|input| input.presence.as_ref()) {
                weigh(column.to_mut(), &presence.shares(&table.timestamps, table.granularity));
            }
        }
        Table { columns, weighed: true, truths: false, ..table }
    }

    /// 1 where any input counts, and 0 elsewhere.
    fn shares_of_any(&self, table: &Table<'_>) -> Vec<f64> {
        let mut any = vec![0.0; table.rows()];
        for input in self.inputs {
            let Some(presence) = &input.presence else { return vec![1.0; table.rows()] };
            for (any, share) in any.iter_mut().zip(presence.shares(&table.timestamps, table.granularity)) {
                *any = f64::from(u8::from(*any > 0.0 || share > 0.0));
            }
        }
        any
    }

    /// Appends what a table shows.
    fn outputs(&self, table: Table<'a>, options: &EvaluateOptions, series: &mut Vec<OutputSeries>) {
        let table = self.weighed(table);
        let drops = options.fill.is_some_and(Fill::drops);
        let counted = if self.partly && table.aggregated { self.shares_of_any(&table) } else { Vec::new() };
        let shown = if table.aggregated { 1 } else { table.columns.len() };
        for (at, (column, source)) in table.columns.into_iter().zip(&table.sources).take(shown).enumerate() {
            let lost = table.lost.get(at).map(Vec::as_slice).unwrap_or_default();
            let input = self.inputs.get(*source);
            let own = input.filter(|_| !table.aggregated);
            let presence = own.and_then(|input| input.presence.as_ref());
            let shares = presence.map(|presence| presence.shares(&table.timestamps, table.granularity));
            let shares = shares.as_ref().unwrap_or(&counted);
            let shown = |row: usize, value: f64| {
                (!drops || value.is_finite())
                    && shares.get(row).is_none_or(|share| *share > 0.0)
                    && lost.get(row).is_none_or(|lost| !lost)
            };
            let columns = if column.iter().enumerate().all(|(row, value)| shown(row, *value)) {
                Columns { timestamps: table.timestamps.to_vec(), values: column.into_owned() }
            } else {
                let points = table.timestamps.iter().zip(column.iter()).enumerate();
                let points = points.filter(|(row, (_, value))| shown(*row, **value)).map(|(_, point)| point);
                let (timestamps, values) = points.unzip();
                Columns { timestamps, values }
            };
            let label = own.map_or(OutputLabel::Aggregated, |input| OutputLabel::Metric(input.label.clone()));
            series.push(OutputSeries { label, granularity: table.granularity, columns });
        }
    }

    fn rolling(&self, table: Table<'a>, reduction: Reduction, window: usize) -> Result<Table<'a>> {
        let rows = table.rows();
        if window > rows {
            let reason = format!("Rolling window '{window}' is greater than serie length '{rows}'");
            return Err(unaggregable(self.inputs, reason));
        }
        let statistic = reduction.statistic();
        let truths = keeps_truths(&table, statistic);
        let columns = table.columns.iter().map(|column| Cow::Owned(rolling(column, window, statistic))).collect();
        let lost = self.lost_in_windows(&table, window);
        let table = Table { truths, lost, ..table.behind(window - 1, columns) }.forget_lost();
        Ok(if reduction.is_rate() { self.changes(table) } else { table })
    }

    fn unary(&'a self, operator: UnaryOperator, of: &Operation) -> Result<Value<'a>> {
        let table = match operator {
            UnaryOperator::RateOfChange => self.changes(self.table(of, "rateofchange")?),
            UnaryOperator::RateOfChangePerSecond => self.per_second(self.table(of, "rateofchangesec")?),
            _ => match self.value(of)? {
                Value::Number { value, .. } => {
                    return Ok(Value::Number { value: unary(operator, value), truth: false });
                }
                Value::Table(table) => {
                    let truths = table.truths && operator == UnaryOperator::Absolute;
                    let table =
                        table.map(|column| column.iter_mut().for_each(|value| *value = unary(operator, *value)));
                    Table { truths, ..table }
                }
            },
        };
        Ok(Value::Table(table))
    }

    fn binary(&'a self, operator: BinaryOperator, left: &Operation, right: &Operation) -> Result<Value<'a>> {
        let (left, right) = (self.value(left)?, self.value(right)?);
        let both = left.is_truth() && right.is_truth();
        let truth = yields_truths(operator, both);
        let apply =
            |left, right| if both { binary_of_truths(operator, left, right) } else { binary(operator, left, right) };
        self.combine(left, right, &operator.to_string(), truth, apply)
    }

    fn clip(&'a self, of: &Operation, min: &Operation, max: Option<&Operation>) -> Result<Value<'a>> {
        let (of, min) = (self.value(of)?, self.value(min)?);
        let truth = of.is_truth() && min.is_truth();
        let clipped = self.combine(of, min, "clip", truth, at_least)?;
        let Some(max) = max else { return Ok(clipped) };
        let max = self.value(max)?;
        let truth = truth && max.is_truth();
        self.combine(clipped, max, "clip", truth, at_most)
    }

    /// Both operands together, value by value: numbers go with each row, a single series with each series.
    fn combine(
        &self,
        left: Value<'a>,
        right: Value<'a>,
        name: &str,
        truths: bool,
        apply: impl Fn(f64, f64) -> f64,
    ) -> Result<Value<'a>> {
        let table = match (left, right) {
            (Value::Number { value: left, .. }, Value::Number { value: right, .. }) => {
                return Ok(Value::Number { value: apply(left, right), truth: truths });
            }
            (Value::Table(left), Value::Number { value: right, .. }) => {
                left.map(|column| column.iter_mut().for_each(|left| *left = apply(*left, right)))
            }
            (Value::Number { value: left, .. }, Value::Table(right)) => {
                right.map(|column| column.iter_mut().for_each(|right| *right = apply(left, *right)))
            }
            (Value::Table(left), Value::Table(right)) => self.pairs(left, &right, name, apply)?,
        };
        Ok(Value::Table(Table { truths, ..table.forget_lost() }))
    }

    fn pairs(
        &self,
        left: Table<'a>,
        right: &Table<'a>,
        name: &str,
        apply: impl Fn(f64, f64) -> f64,
    ) -> Result<Table<'a>> {
        if left.granularity != right.granularity || left.timestamps != right.timestamps {
            let (a, b) = (left.granularity, right.granularity);
            let reason =
                format!("`{name}` can't combine timeseries with different timestamps or granularity {a} <> {b}");
            return Err(unaggregable(self.inputs, reason));
        }
        let (lefts, rights) = (left.columns.len(), right.columns.len());
        if lefts != rights && lefts != 1 && rights != 1 {
            let reason = format!("`{name}` can't combine {lefts} timeseries with {rights}");
            return Err(unaggregable(self.inputs, reason));
        }
        let pair = |i: usize| {
            let (left, right) = (&left.columns[i.min(lefts - 1)], &right.columns[i.min(rights - 1)]);
            Cow::Owned(left.iter().zip(right.iter()).map(|(left, right)| apply(*left, *right)).collect())
        };
        let columns: Vec<Cow<'a, [f64]>> = (0..lefts.max(rights)).map(pair).collect();
        let weighed = left.weighed || right.weighed;
        let lost = lost::of_pairs(&left.lost, &right.lost);
        let sources = if lefts >= rights { left.sources } else { right.sources.clone() };
        Ok(Table { sources, columns, weighed, aggregated: true, lost, ..left })
    }

    /// Each value minus the one before it.
    fn changes(&self, table: Table<'a>) -> Table<'a> {
        let change = |column: &Cow<'_, [f64]>| Cow::Owned(differences(column, table.truths));
        let columns = table.columns.iter().map(change).collect();
        let lost = self.lost_in_windows(&table, 2);
        Table { lost, ..table.behind(1, columns) }.forget_lost()
    }

    fn per_second(&self, table: Table<'a>) -> Table<'a> {
        let seconds: Vec<f64> = table.timestamps.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / SECOND).collect();
        let change = |column: &Cow<'_, [f64]>| {
            let differences =
                differences(column, false).into_iter().zip(&seconds).map(|(change, seconds)| change / seconds);
            let first = column.first().map(|_| f64::NAN);
            Cow::Owned(first.into_iter().chain(differences).collect())
        };
        let columns = table.columns.iter().map(change).collect();
        let mut lost = self.lost_in_windows(&table, 2);
        // The first value has none before it, lost or not.
        lost.iter_mut().filter(|_| table.rows() > 0).for_each(|lost| lost.insert(0, false));
        Table { columns, truths: false, lost, ..table }.forget_lost()
    }

    /// Each series grouped again; a `rate:` method sees the differences of its points.
    fn resampled(&self, table: Table<'a>, method: AggregationMethod, sampling: Sampling) -> Result<Table<'a>> {
        let rate = usize::from(method.is_rate()).min(table.rows());
        let mut points = Columns { timestamps: table.timestamps[rate..].to_vec(), values: Vec::new() };
        let mut timestamps = Vec::new();
        let mut columns = Vec::with_capacity(table.columns.len());
        for column in &table.columns {
            points.values = if method.is_rate() { differences(column, false) } else { column.to_vec() };
            let groups = resample(&points, method, sampling)?;
            timestamps = groups.timestamps;
            columns.push(Cow::Owned(groups.values));
        }
        let lost = self.lost_in_groups(&table, &timestamps, sampling, rate);
        let (granularity, timestamps) = (sampling, Cow::Owned(timestamps));
        Ok(Table { granularity, timestamps, columns, truths: false, lost, ..table }.forget_lost())
    }
}

impl Value<'_> {
    fn is_truth(&self) -> bool {
        match self {
            Value::Number { truth, .. } => *truth,
            Value::Table(table) => table.truths,
        }
    }
}

/// Whether what is picked among truths is a truth.
fn keeps_truths(table: &Table<'_>, statistic: Statistic) -> bool {
    table.truths && matches!(statistic, Statistic::Pick(Pick::Min | Pick::Max | Pick::First | Pick::Last))
}
