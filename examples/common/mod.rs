//! What the examples share: a command line, tables, and numbers as people read them.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;
use std::str::FromStr;

use gnocchetti::{AggregationMethod, Columns, Timespan};

/// What a program of this folder can end with.
pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// A command line that cannot be followed.
#[derive(Debug)]
pub struct Misused(String);

impl fmt::Display for Misused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Misused {}

impl Misused {
    /// Fails with this advice unless the command line fits the program.
    pub fn unless(fits: bool, advice: &str) -> Result<(), Self> {
        if fits { Ok(()) } else { Err(Misused(advice.to_owned())) }
    }
}

/// The options (`--name VALUE` or `--name=VALUE`) and other words of a command line.
pub struct Arguments {
    options: Vec<(String, String)>,
    pub words: Vec<String>,
}

impl Arguments {
    /// Sorts a command line of which these options are known.
    pub fn parse(line: impl IntoIterator<Item = String>, known: &[&str]) -> Result<Self, Misused> {
        let mut line = line.into_iter();
        let mut arguments = Arguments { options: Vec::new(), words: Vec::new() };
        while let Some(word) = line.next() {
            if !word.starts_with("--") {
                arguments.words.push(word);
                continue;
            }
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (word, None),
            };
            if !known.contains(&name.as_str()) {
                return Err(Misused(format!("there is no option {name}; known are {}", known.join(", "))));
            }
            let value = value.or_else(|| line.next()).ok_or_else(|| Misused(format!("{name} needs a value")))?;
            arguments.options.push((name, value));
        }
        Ok(arguments)
    }

    /// The value of an option, the last when it is given twice, or of its default.
    pub fn get<T: FromStr<Err: fmt::Display>>(&self, name: &str, default: &str) -> Result<T, Misused> {
        let given = self.options.iter().rfind(|(known, _)| known == name);
        let value = given.map_or(default, |(_, value)| value);
        value.parse().map_err(|error| Misused(format!("{name} {value}: {error}")))
    }
}

/// Runs a program: `--help` shows how it is used; an error is shown on stderr, and is the exit code.
pub fn run(usage: &str, known: &[&str], program: impl FnOnce(&Arguments) -> Outcome<()>) -> ExitCode {
    let line: Vec<String> = std::env::args().skip(1).collect();
    if line.iter().any(|word| word == "--help" || word == "-h") {
        print!("{usage}");
        return ExitCode::SUCCESS;
    }
    let outcome = Arguments::parse(line, known).map_err(Into::into).and_then(|arguments| program(&arguments));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Misused>() => {
            eprintln!("error: {error}\n\n{usage}");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Rows under a header, in columns as wide as they need: words to the left, numbers to the right.
pub struct Table {
    rows: Vec<Vec<String>>,
    words: usize,
}

impl Table {
    /// A table with this header whose first `words` columns are words.
    pub fn new(header: &[&str], words: usize) -> Self {
        Table { rows: vec![header.iter().map(ToString::to_string).collect()], words }
    }

    /// Adds a row of as many cells as the header has.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                let cell = if column < self.words { format!("{cell:<width$}  ") } else { format!("{cell:>width$}  ") };
                line.push_str(&cell);
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A number to four significant digits, in thousands (k), millions (M) and so on when it is large.
pub fn number(value: f64) -> String {
    let steps =
        if value.is_finite() && value.abs() >= 1e4 { (value.abs().log10() / 3.0).floor().min(6.0) } else { 0.0 };
    let scaled = value / 1000_f64.powf(steps);
    let decimals = if scaled == 0.0 { 0.0 } else { 3.0 - scaled.abs().log10().floor() };
    let digits = format!("{scaled:.*}", decimals.clamp(0.0, 9.0) as usize);
    let digits = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { &digits };
    let suffix = ["", "k", "M", "G", "T", "P", "E"][steps as usize];
    format!("{digits}{suffix}")
}

/// A length of time as it is written on a command line: all that the library reads, and milliseconds.
#[derive(Clone, Copy)]
pub struct Length(pub Timespan);

impl FromStr for Length {
    type Err = gnocchetti::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let milliseconds = text.strip_suffix("ms").and_then(|number| number.trim().parse::<f64>().ok());
        match milliseconds {
            Some(milliseconds) => Timespan::from_secs_f64(milliseconds / 1000.0),
            None => text.parse(),
        }
        .map(Length)
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(i64, &str); 6] = [
            (86_400_000_000_000, "d"),
            (3_600_000_000_000, "h"),
            (60_000_000_000, "min"),
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
            (1, "ns"),
        ];
        let nanos = self.0.nanos();
        let (unit, name) = UNITS.into_iter().find(|(unit, _)| nanos % unit == 0).unwrap_or((1, "ns"));
        write!(f, "{} {name}", nanos / unit)
    }
}

/// What the points of one archive come to.
pub struct Summary {
    pub points: usize,
    pub min: f64,
    pub mean: f64,
    pub max: f64,
}

impl Summary {
    /// What to ask the database for.
    pub const METHODS: [AggregationMethod; 4] =
        [AggregationMethod::COUNT, AggregationMethod::MIN, AggregationMethod::MEAN, AggregationMethod::MAX];

    /// Of the answer to [`Summary::METHODS`]; `None` when there is no point.
    pub fn of(answer: &[Columns]) -> Option<Self> {
        let [count, min, mean, max] = answer else { return None };
        let measures: f64 = count.values.iter().sum();
        let weighted: f64 = mean.values.iter().zip(&count.values).map(|(mean, count)| mean * count).sum();
        Some(Summary {
            points: count.len(),
            min: min.values.iter().copied().reduce(f64::min)?,
            mean: weighted / measures,
            max: max.values.iter().copied().reduce(f64::max)?,
        })
    }
}
