//! Memory and directory over time: samples, a picture of them, and whether they grew once they should not.

use std::fmt::Write;
use std::fs::DirEntry;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gnocchetti::Stats;

use crate::load::Load;

/// How many samples a run has, about.
const SAMPLES: u32 = 240;
/// From when on, in partitions of the coarsest archive, as much expires as comes in: one is dropped, one is full.
const SETTLED: f64 = 2.0;
/// How much is enough to judge: two such stretches, in each of which partitions fill and are dropped.
const STRETCH: f64 = 2.0;
/// What memory and directory may have in the second stretch, compared with the first.
const GROWTH: f64 = 1.1;
/// Little databases jump by as much, when a segment more or less is there.
const SLACK: f64 = 8.0;
/// `SQLite` begins its write-ahead log anew when it has 32 MiB, and may be kept from that for a while. It grows up to there
/// however large the database is, so that a short run would show nothing else.
const LOG: &str = "index.sqlite-wal";
const LARGEST_LOG: f64 = 48.0;
const MIB: f64 = 1024.0 * 1024.0;

struct Sample {
    elapsed: Duration,
    /// How far the load has come, in partitions.
    partitions: f64,
    /// MiB.
    memory: f64,
    directory: f64,
    /// The index's write-ahead log, MiB; not part of `directory`.
    log: f64,
    /// Measures per second since the sample before.
    rate: f64,
}

/// Looks at memory and directory, again and again.
pub struct Watch {
    path: PathBuf,
    begun: Instant,
    every: Duration,
    samples: Vec<Sample>,
    accepted: u64,
}

impl Watch {
    pub fn new(path: &Path, planned: Duration) -> Self {
        Watch {
            path: path.to_path_buf(),
            begun: Instant::now(),
            every: planned / SAMPLES,
            samples: Vec::new(),
            accepted: 0,
        }
    }

    /// Takes a sample when it is time for one.
    pub fn sample(&mut self, load: &Load) {
        let elapsed = self.begun.elapsed();
        let last = self.samples.last().map_or(Duration::ZERO, |sample| sample.elapsed);
        if elapsed < last + self.every {
            return;
        }
        let accepted = load.accepted();
        let log = allocated(&self.path.join(LOG));
        let sample = Sample {
            elapsed,
            partitions: load.partitions(),
            memory: memory() as f64 / MIB,
            directory: size(&self.path).saturating_sub(log) as f64 / MIB,
            log: log as f64 / MIB,
            rate: (accepted - self.accepted) as f64 / elapsed.saturating_sub(last).as_secs_f64(),
        };
        self.accepted = accepted;
        if self.samples.len().is_multiple_of(SAMPLES as usize / 12) {
            println!(
                "{:>6.0} s  {:>6.2} partitions  memory {:>6.0} MiB  directory {:>6.0} MiB  {:>9.0} measures/s",
                elapsed.as_secs_f64(),
                sample.partitions,
                sample.memory,
                sample.directory,
                sample.rate
            );
        }
        self.samples.push(sample);
    }

    /// What was done, and pictures.
    pub fn report(&self, load: &Load, stats: &Stats) -> String {
        let mut text = String::new();
        let seconds = self.samples.last().map_or(0.0, |sample| sample.elapsed.as_secs_f64());
        let mut line = |name: &str, value: String| writeln!(text, "{name:<22} {value:>14}").unwrap();
        line("seconds", format!("{seconds:.0}"));
        line("metrics", stats.metrics.to_string());
        line("measures", load.accepted().to_string());
        line("late", load.late().to_string());
        line("metrics deleted", load.deleted().to_string());
        line("points compared", load.compared().to_string());
        line("checkpoints", stats.checkpoints.to_string());
        line("merges", stats.merges.to_string());
        line("partitions of time", format!("{:.1}", load.partitions()));
        for (name, of) in [
            ("memory, MiB", (|sample| sample.memory) as fn(&Sample) -> f64),
            ("directory, MiB", |sample| sample.directory),
            ("measures per second", |sample| sample.rate),
        ] {
            writeln!(text, "\n{}", chart(name, &self.samples.iter().map(of).collect::<Vec<_>>())).unwrap();
        }
        text
    }

    /// Whether memory and directory stayed as they were, once as much expired as came in.
    pub fn verdict(&self) -> Result<String, String> {
        let log = self.samples.iter().map(|sample| sample.log).fold(0.0, f64::max);
        if log > LARGEST_LOG {
            return Err(format!("the index's write-ahead log grew to {log:.1} MiB"));
        }
        let end = self.samples.last().map_or(0.0, |sample| sample.partitions);
        if end < SETTLED + 2.0 * STRETCH {
            let needed = SETTLED + 2.0 * STRETCH;
            return Ok(format!("answers right; too short to judge growth: {end:.1} partitions of time, not {needed}"));
        }
        let middle = f64::midpoint(SETTLED, end);
        let memory = self.grown("memory", SETTLED, middle, |sample| sample.memory)?;
        let directory = self.grown("directory", SETTLED, middle, |sample| sample.directory)?;
        Ok(format!("answers right, {memory}, {directory}, the index's log at most {log:.1} MiB"))
    }

    /// Compares the medians before and after the middle; what is highest depends on what else the machine does.
    fn grown(&self, name: &str, from: f64, middle: f64, of: fn(&Sample) -> f64) -> Result<String, String> {
        let settled = || self.samples.iter().filter(|sample| sample.partitions >= from);
        let median = |late: bool| {
            let samples = settled().filter(|sample| (sample.partitions >= middle) == late);
            let mut values: Vec<f64> = samples.map(of).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or(0.0)
        };
        let (before, after) = (median(false), median(true));
        let most = settled().map(of).fold(0.0, f64::max);
        let found = format!("median {before:.1} MiB, then {after:.1} MiB; at most {most:.1} MiB");
        if after > before * GROWTH + SLACK {
            return Err(format!("{name} grew: {found}"));
        }
        Ok(format!("{name} flat ({found})"))
    }
}

/// What of this process is in memory.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
}

/// What a directory takes on the disk; what is removed meanwhile counts nothing.
fn size(directory: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
    let is_directory = |entry: &DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    let size = |entry: DirEntry| if is_directory(&entry) { size(&entry.path()) } else { allocated(&entry.path()) };
    entries.flatten().map(size).sum()
}

/// What a file takes on the disk, also what is reserved beyond its end.
fn allocated(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |metadata| metadata.blocks() * 512)
}

/// Bars over time, from zero on, several lines high.
fn chart(name: &str, values: &[f64]) -> String {
    const WIDTH: usize = 72;
    const HEIGHT: usize = 6;
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let per_bar = values.len().div_ceil(WIDTH).max(1);
    let bars: Vec<f64> = values.chunks(per_bar).map(|chunk| chunk.iter().copied().fold(0.0, f64::max)).collect();
    let high = bars.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let mut text = format!("{name}, at most {high:.0}\n");
    for line in (0..HEIGHT).rev() {
        let eighths = |bar: &f64| (bar / high * (HEIGHT * 8) as f64).round() as usize;
        let row: String = bars.iter().map(|bar| BARS[eighths(bar).saturating_sub(line * 8).min(8)]).collect();
        writeln!(text, "  {}", row.trim_end()).unwrap();
    }
    text
}
