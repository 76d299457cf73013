//! What a call from another language costs over the same call from Rust, measured in one run, in turns: `cargo bench --bench
//! bindings`.
//!
//! Each language's part is a program of its own that prints ns per measure (`bindings.c`), built against the library that cargo
//! built for this bench. Medians of the rounds become figures; what they are held against stands in `docs/performance.md`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use gnocchetti::{Database, Durability, NewMetric, Options, Timestamp};

const SECOND: i64 = 1_000_000_000;
const BATCH: usize = 10_000;
/// How often each language has its turn.
const ROUNDS: usize = 7;
/// Measures of one turn.
const BATCHED: usize = 2_000_000;
const PUSHED: usize = 400_000;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (rounds, batched, pushed) = if quick { (1, BATCH, 1000) } else { (ROUNDS, BATCHED, PUSHED) };
    let directory = tempfile::Builder::new().prefix("bindings-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let library = library()?;
    let program = build(directory.path(), &library)?;

    let c = Turn { program: &program, directory: directory.path() };
    let (mut ratios, mut extras) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let rust = rust(&directory.path().join(format!("rust-batch-{round}")), "batch", batched)?;
        ratios.push(rust / c.nanos(&format!("c-batch-{round}"), "batch", batched)?);
        let rust = self::rust(&directory.path().join(format!("rust-push-{round}")), "push", pushed)?;
        extras.push(c.nanos(&format!("c-push-{round}"), "push", pushed)? - rust);
    }
    println!("figure: c_batch_ratio {:.3} of Rust's rate", median(ratios));
    println!("figure: c_push_extra_ns {:.1} ns", median(extras));
    println!("figure: so_mb {:.2} MB", stripped(directory.path(), &library)?);
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

fn build(directory: &Path, library: &Path) -> Outcome<PathBuf> {
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
    if status.success() { Ok(program) } else { Err("cc failed".into()) }
}

/// The part of C.
struct Turn<'a> {
    program: &'a Path,
    directory: &'a Path,
}

impl Turn<'_> {
    fn nanos(&self, database: &str, what: &str, measures: usize) -> Outcome<f64> {
        let output = Command::new(self.program)
            .env("LD_LIBRARY_PATH", self.directory)
            .arg(self.directory.join(database))
            .args([what, &measures.to_string()])
            .output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        Ok(String::from_utf8(output.stdout)?.trim().parse()?)
    }
}

/// The same as `bindings.c` does.
fn rust(directory: &Path, what: &str, measures: usize) -> Outcome<f64> {
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

/// The size of the shared object as it is installed.
fn stripped(directory: &Path, library: &Path) -> Outcome<f64> {
    let copy = directory.join("stripped.so");
    let status = Command::new("strip").arg("--strip-unneeded").arg("-o").arg(&copy).arg(library).status()?;
    if !status.success() {
        return Err("strip failed".into());
    }
    Ok(copy.metadata()?.len() as f64 / 1e6)
}
