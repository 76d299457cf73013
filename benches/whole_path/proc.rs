//! What the system says about this process and about itself.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use gnocchetti::internals::fs::{Fs, RealFs};

use crate::setup::Outcome;

/// A field of `/proc/self/status` in kB, as bytes: `VmRSS`, `VmHWM`.
pub fn memory(field: &str) -> Outcome<f64> {
    let kilobytes = number("/proc/self/status", field)?;
    Ok(kilobytes * 1024.0)
}

/// Bytes this process handed to write calls (`wchar`).
pub fn written() -> Outcome<f64> {
    number("/proc/self/io", "wchar")
}

fn number(file: &str, field: &str) -> Outcome<f64> {
    let text = std::fs::read_to_string(file)?;
    let found = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let words = found.ok_or_else(|| format!("{file} has no {field}"))?;
    Ok(words.trim().trim_end_matches(" kB").parse()?)
}

/// The conditions of a run, one per line.
pub fn conditions(quick: bool) -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let rustc = Command::new("rustc").arg("--version").output().ok();
    let rustc = rustc.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    let file_system = RealFs.kind(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap_or_default();
    let load = read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" ");
    let mut text = String::new();
    let sizes = if quick { "quick: the figures only show that everything runs" } else { "full" };
    for (name, value) in [
        ("cores", format!("{cores}{}", model.map(|(_, model)| format!(", {model}")).unwrap_or_default())),
        ("kernel", read("/proc/sys/kernel/osrelease").trim().to_owned()),
        ("file system", file_system),
        ("load average", load),
        ("rustc", rustc.trim().to_owned()),
        ("sizes", sizes.to_owned()),
    ] {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}: {}", if value.is_empty() { "unknown" } else { &value });
    }
    text
}
