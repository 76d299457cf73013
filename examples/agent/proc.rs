//! What `/proc` says of this machine, as readings with names and units.
//!
//! Processors, disks and networks count; their readings are differences since the sample before, per second or in percent
//! of the time that passed.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Instant;

/// One value of one metric.
pub struct Reading {
    pub name: String,
    pub unit: &'static str,
    pub value: f64,
}

impl Reading {
    fn new(name: impl Into<String>, unit: &'static str, value: f64) -> Self {
        Reading { name: name.into(), unit, value }
    }
}

/// Reads `/proc` and remembers the counters of the sample before.
pub struct Sampler {
    at: Instant,
    processors: HashMap<String, Processor>,
    bytes: HashMap<String, f64>,
}

impl Sampler {
    /// Reads the counters from which the first sample will count.
    pub fn new() -> io::Result<Self> {
        Ok(Sampler { at: Instant::now(), processors: processors()?, bytes: bytes()? })
    }

    /// The readings of now.
    pub fn sample(&mut self) -> io::Result<Vec<Reading>> {
        let before = std::mem::replace(self, Sampler::new()?);
        let seconds = (self.at - before.at).as_secs_f64();
        let mut readings = memory()?;
        readings.extend(load()?);
        for (name, processor) in &self.processors {
            let earlier = before.processors.get(name);
            readings.extend(earlier.map(|earlier| processor.since(earlier, name)).into_iter().flatten());
        }
        for (name, total) in &self.bytes {
            // A counter that went back belongs to a device that was replaced.
            let grown = before.bytes.get(name).map(|earlier| total - earlier).filter(|grown| *grown >= 0.0);
            readings.extend(grown.map(|grown| Reading::new(name, "B/s", grown / seconds)));
        }
        Ok(readings)
    }
}

/// Times that one processor has spent, in ticks.
struct Processor {
    user: f64,
    system: f64,
    iowait: f64,
    total: f64,
}

impl Processor {
    /// In percent of the time since `earlier`; nothing when the kernel has not ticked.
    fn since(&self, earlier: &Processor, name: &str) -> Vec<Reading> {
        let total = self.total - earlier.total;
        if total <= 0.0 {
            return Vec::new();
        }
        let percent = |now: f64, before: f64| (100.0 * (now - before) / total).clamp(0.0, 100.0);
        vec![
            Reading::new(format!("{name}.user"), "%", percent(self.user, earlier.user)),
            Reading::new(format!("{name}.system"), "%", percent(self.system, earlier.system)),
            Reading::new(format!("{name}.iowait"), "%", percent(self.iowait, earlier.iowait)),
        ]
    }
}

/// A line's words as numbers; what is none is left out.
fn numbers<'l>(words: impl Iterator<Item = &'l str>) -> Vec<f64> {
    words.filter_map(|word| word.parse().ok()).collect()
}

/// `cpu0 user nice system idle iowait irq softirq steal guest guest_nice`, where user and nice contain the guests.
fn processors() -> io::Result<HashMap<String, Processor>> {
    let mut processors = HashMap::new();
    for line in fs::read_to_string("/proc/stat")?.lines() {
        let mut words = line.split_whitespace();
        let name = words.next().filter(|name| name.starts_with("cpu") && *name != "cpu");
        if let (Some(name), [user, nice, system, idle, iowait, irq, softirq, steal, ..]) = (name, &numbers(words)[..]) {
            let processor = Processor {
                user: user + nice,
                system: system + irq + softirq,
                iowait: *iowait,
                total: user + nice + system + idle + iowait + irq + softirq + steal,
            };
            processors.insert(name.to_owned(), processor);
        }
    }
    Ok(processors)
}

/// Bytes read, written, received and sent so far, of every disk and interface that has done anything yet.
fn bytes() -> io::Result<HashMap<String, f64>> {
    let mut bytes = disks()?;
    bytes.extend(interfaces()?);
    Ok(bytes)
}

/// `major minor name reads merged sectors ms writes merged sectors …`, with sectors of 512 bytes whatever the disk.
fn disks() -> io::Result<HashMap<String, f64>> {
    let mut bytes = HashMap::new();
    for line in fs::read_to_string("/proc/diskstats")?.lines() {
        let Some(name) = line.split_whitespace().nth(2) else {
            continue;
        };
        // Partitions are counted with their disk; only disks have a directory here.
        let is_disk = Path::new("/sys/block").join(name).is_dir();
        if let [_, _, read, _, _, _, written, ..] = numbers(line.split_whitespace().skip(3))[..]
            && is_disk
            && read + written > 0.0
        {
            bytes.insert(format!("disk.{name}.read"), read * 512.0);
            bytes.insert(format!("disk.{name}.written"), written * 512.0);
        }
    }
    Ok(bytes)
}

/// `name: bytes packets errs drop fifo frame compressed multicast bytes …`, received first, then sent.
fn interfaces() -> io::Result<HashMap<String, f64>> {
    let mut bytes = HashMap::new();
    for line in fs::read_to_string("/proc/net/dev")?.lines() {
        let Some((name, counters)) = line.split_once(':') else {
            continue;
        };
        if let [received, _, _, _, _, _, _, _, sent, ..] = numbers(counters.split_whitespace())[..]
            && received + sent > 0.0
        {
            let name = name.trim();
            bytes.insert(format!("net.{name}.received"), received);
            bytes.insert(format!("net.{name}.sent"), sent);
        }
    }
    Ok(bytes)
}

/// `MemAvailable:   123 kB`.
fn memory() -> io::Result<Vec<Reading>> {
    let text = fs::read_to_string("/proc/meminfo")?;
    let bytes = |wanted: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(wanted)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse::<f64>().ok().map(|kibibytes| kibibytes * 1024.0)
    };
    let used = |total: &str, free: &str| Some(bytes(total)? - bytes(free)?);
    let readings = [
        ("memory.used", used("MemTotal", "MemAvailable")),
        ("memory.available", bytes("MemAvailable")),
        ("memory.cached", bytes("Cached")),
        ("memory.dirty", bytes("Dirty")),
        ("swap.used", used("SwapTotal", "SwapFree")),
    ];
    Ok(readings.into_iter().filter_map(|(name, value)| Some(Reading::new(name, "B", value?))).collect())
}

/// `0.20 0.18 0.12 1/80 11206`: running processes, averaged over 1, 5 and 15 minutes.
fn load() -> io::Result<Vec<Reading>> {
    let text = fs::read_to_string("/proc/loadavg")?;
    let names = ["load.1min", "load.5min", "load.15min"];
    let values = numbers(text.split_whitespace().take(names.len()));
    Ok(names.into_iter().zip(values).map(|(name, value)| Reading::new(name, "processes", value)).collect())
}
