//! What a call from another language costs over the same call from Rust, measured in one run, in turns: `cargo bench --bench
//! bindings`.
//!
//! Each language's part is a program of its own that prints a number (`bindings.c`, `bindings.py`), and uses the library that
//! cargo built for this bench. Medians of the rounds become figures; what they are held against stands in `docs/performance.md`.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gnocchetti::{
    AggregationMethod, ArchivePolicy, Database, Definition, Durability, NewMetric, Options, Query, Timespan, Timestamp,
};

const SECOND: i64 = 1_000_000_000;
const BATCH: usize = 10_000;
/// The first argument of this program when it is to be the part of Rust.
const RUST: &str = "rust";

/// How much is done.
struct Sizes {
    /// How often each language has its turn.
    rounds: usize,
    /// Measures of one turn, in batches and one by one.
    batched: usize,
    pushed: usize,
    /// Points that a query gives, and queries of one turn.
    points: usize,
    queries: usize,
    /// Fresh processes.
    imports: usize,
}

const FULL: Sizes =
    Sizes { rounds: 7, batched: 2_000_000, pushed: 400_000, points: 1_000_000, queries: 15, imports: 15 };
const QUICK: Sizes = Sizes { rounds: 1, batched: BATCH, pushed: 1000, points: 10_000, queries: 1, imports: 1 };

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, rust, what, directory, count] = arguments.as_slice()
        && rust == RUST
    {
        println!("{}", turn(what, Path::new(directory), count.parse()?)?);
        return Ok(());
    }
    let quick = std::env::args().any(|argument| argument == "--quick");
    let sizes = if quick { QUICK } else { FULL };
    let directory = tempfile::Builder::new().prefix("bindings-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let library = library()?;
    let rust = Part { program: std::env::current_exe()?, first: Some(RUST.into()), environment: Vec::new() };
    let c = c(directory.path(), &library)?;
    let python = python(directory.path(), &library)?;
    pushes(directory.path(), &sizes, &rust, &c, &python)?;
    queries(directory.path(), &sizes, &rust, &python)?;
    for (figure, what) in [("py_import_ms", "import"), ("py_ready_ms", "ready")] {
        let times = (0..sizes.imports).map(|_| python.says(what, Path::new(""), 0)).collect::<Outcome<_>>()?;
        println!("figure: {figure} {:.1} ms", median(times));
    }
    println!("figure: so_mb {:.2} MB", stripped(directory.path(), &library)?);
    Ok(())
}

/// Measures in: one by one, and in batches.
fn pushes(directory: &Path, sizes: &Sizes, rust: &Part, c: &Part, python: &Part) -> Outcome<()> {
    let (mut c_ratios, mut py_ratios, mut extras) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..sizes.rounds {
        let new = |part: &str| directory.join(format!("{part}-{round}"));
        let batched = rust.says("batch", &new("rust-batch"), sizes.batched)?;
        c_ratios.push(batched / c.says("batch", &new("c-batch"), sizes.batched)?);
        py_ratios.push(batched / python.says("batch", &new("python-batch"), sizes.batched)?);
        let pushed = rust.says("push", &new("rust-push"), sizes.pushed)?;
        extras.push(c.says("push", &new("c-push"), sizes.pushed)? - pushed);
    }
    println!("figure: c_batch_ratio {:.3} of Rust's rate", median(c_ratios));
    println!("figure: py_batch_ratio {:.3} of Rust's rate", median(py_ratios));
    println!("figure: c_push_extra_ns {:.1} ns", median(extras));
    Ok(())
}

/// All points of a metric out, as arrays.
fn queries(directory: &Path, sizes: &Sizes, rust: &Part, python: &Part) -> Outcome<()> {
    let directory = directory.join("queried");
    fill(&directory, sizes.points)?;
    let mut ratios = Vec::new();
    for _ in 0..sizes.rounds {
        let asked = rust.says("query", &directory, sizes.queries)?;
        ratios.push(python.says("query", &directory, sizes.queries)? / asked);
    }
    println!("figure: py_query_ratio {:.3} of Rust's time, for {} points", median(ratios), sizes.points);
    Ok(())
}

/// The middle one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Where cargo puts the shared object of this profile: next to the folder of this program.
fn library() -> Outcome<PathBuf> {
    let program = std::env::current_exe()?;
    let folder = program.parent().ok_or("this program lies nowhere")?;
    let library = folder.join("libgnocchetti.so");
    if library.is_file() { Ok(library) } else { Err(format!("{} is not there", library.display()).into()) }
}

/// A language's part, a process of its own: what one does with memory is not what another finds.
struct Part {
    program: PathBuf,
    /// What comes before the arguments of a turn.
    first: Option<OsString>,
    environment: Vec<(&'static str, PathBuf)>,
}

impl Part {
    /// What it prints of one turn.
    fn says(&self, what: &str, directory: &Path, count: usize) -> Outcome<f64> {
        let output = Command::new(&self.program)
            .args(&self.first)
            .arg(what)
            .arg(directory)
            .arg(count.to_string())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env_remove("PYTHONDONTWRITEBYTECODE")
            .output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        Ok(String::from_utf8(output.stdout)?.trim().parse()?)
    }
}

/// The part of C, built against the library.
fn c(directory: &Path, library: &Path) -> Outcome<Part> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = library.parent().ok_or("the library lies nowhere")?;
    // By the name that the shared object has for itself.
    std::os::unix::fs::symlink(library, directory.join("libgnocchetti.so.0"))?;
    let program = directory.join("bindings");
    let status = Command::new("cc")
        .args(["-std=c99", "-O2", "-I"])
        .arg(root.join("include"))
        .arg(root.join("benches/bindings.c"))
        .arg("-L")
        .arg(folder)
        .arg("-lgnocchetti")
        .arg("-o")
        .arg(&program)
        .status()?;
    if !status.success() {
        return Err("cc failed".into());
    }
    let environment = vec![("LD_LIBRARY_PATH", directory.to_owned())];
    Ok(Part { program, first: None, environment })
}

/// The part of Python: the package as it lies in the repository, compiled once into the bench's directory, with the library.
fn python(directory: &Path, library: &Path) -> Outcome<Part> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let environment = vec![
        ("PYTHONPATH", root.join("python/src")),
        ("PYTHONPYCACHEPREFIX", directory.join("pycache")),
        ("GNOCCHETTI_LIBRARY", library.to_owned()),
    ];
    let part =
        Part { program: python_with_numpy()?, first: Some(root.join("benches/bindings.py").into()), environment };
    part.says("ready", Path::new(""), 0)?;
    Ok(part)
}

/// A Python that has numpy: the one that PYTHON names, the one of `ci/python.sh`, or the system's; where none has it, an
/// environment of the bench's own gets it.
fn python_with_numpy() -> Outcome<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().ok_or("the target folder lies nowhere")?;
    let system = std::env::var_os("PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    let own = target.join("python/bench/bin/python");
    for python in [&system, &target.join("python/venv/bin/python"), &own] {
        let tried = Command::new(python).args(["-c", "import numpy"]).stderr(Stdio::null()).status();
        if tried.is_ok_and(|status| status.success()) {
            return Ok(python.clone());
        }
    }
    let environment = target.join("python/bench");
    for (program, arguments) in [
        (&system, vec![OsStr::new("-m"), OsStr::new("venv"), environment.as_os_str()]),
        (&own, ["-m", "pip", "install", "--quiet", "numpy"].map(OsStr::new).into()),
    ] {
        if !Command::new(program).args(arguments).status()?.success() {
            return Err("there is no Python with numpy, and none could be made".into());
        }
    }
    Ok(own)
}

/// The part of Rust: the same as the others do.
fn turn(what: &str, directory: &Path, count: usize) -> Outcome<f64> {
    if what == "query" { query(directory, count) } else { push(directory, what, count) }
}

fn push(directory: &Path, what: &str, measures: usize) -> Outcome<f64> {
    let durability = Durability::Buffered(Duration::from_secs(1));
    let database = Database::open(directory, Options::new().default_policies(true).durability(durability))?;
    let key = database.create_metric(NewMetric::named("m").archive_policy("high"))?.key;
    let mut batch = database.batch();
    let (mut timestamps, mut values) = (vec![0; BATCH], vec![0.0; BATCH]);
    let begin = Instant::now();
    if what == "batch" {
        for done in (0..measures).step_by(BATCH) {
            for at in 0..BATCH {
                timestamps[at] = (done + at) as i64 * SECOND;
                values[at] = at as f64;
            }
            batch.extend(key, &timestamps, &values)?;
            batch.commit()?;
        }
    } else {
        for done in 0..measures {
            database.push(key, Timestamp::from_nanos(done as i64 * SECOND)?, done as f64)?;
        }
    }
    let nanos = begin.elapsed().as_nanos() as f64 / measures as f64;
    drop(batch);
    database.close()?;
    Ok(nanos)
}

/// A database with so many sealed points of one metric, `m`, one a second.
fn fill(directory: &Path, points: usize) -> Outcome<()> {
    let database = Database::open(directory, Options::new())?;
    let seconds = Definition::unlimited(Timespan::SECOND);
    let policy = ArchivePolicy::builder("long").definition(seconds).aggregation_methods(["mean"]).build()?;
    database.create_archive_policy(&policy)?;
    let key = database.create_metric(NewMetric::named("m").archive_policy("long"))?.key;
    let mut batch = database.batch();
    for done in (0..points).step_by(BATCH) {
        let timestamps: Vec<i64> = (done..done + BATCH).map(|second| second as i64 * SECOND).collect();
        let values: Vec<f64> = (done..done + BATCH).map(|second| (second as f64).sin()).collect();
        batch.extend(key, &timestamps, &values)?;
        batch.commit()?;
    }
    drop(batch);
    database.maintain()?;
    Ok(database.close()?)
}

/// All points of the metric: ns per query, the median of several.
fn query(directory: &Path, times: usize) -> Outcome<f64> {
    let database = Database::open(directory, Options::new())?;
    let question = Query::new(database.metric_by_name("m")?.key).method(AggregationMethod::MEAN);
    let mut took = Vec::new();
    for _ in 0..times {
        let begin = Instant::now();
        let columns = database.measures(&question)?;
        took.push(begin.elapsed().as_nanos() as f64);
        if columns.is_empty() {
            return Err("no point came".into());
        }
    }
    database.close()?;
    Ok(median(took))
}

/// The size of the shared object as it is installed.
fn stripped(directory: &Path, library: &Path) -> Outcome<f64> {
    let copy = directory.join("stripped.so");
    let status = Command::new("strip").arg("--strip-unneeded").arg("-o").arg(&copy).arg(library).status()?;
    if !status.success() {
        return Err("strip failed".into());
    }
    Ok(copy.metadata()?.len() as f64 / 1e6)
}
