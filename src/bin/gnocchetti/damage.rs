//! `gnocchetti check` and `gnocchetti repair`: what they find and do is printed as text, one finding after the other, and as a
//! verdict in the exit status: 0 when all is sound or nothing is gone, 1 when not, 2 when that cannot be told.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use gnocchetti::{CheckProgress, CheckReport, Database, Error, RepairReport};
use indicatif::{ProgressBar, ProgressStyle};

/// Which directory, and how.
#[derive(Debug, clap::Args)]
pub struct Damage {
    /// The database's directory. For `repair` nobody may have it open.
    data: PathBuf,
    /// Print the report as JSON instead.
    #[arg(long)]
    json: bool,
}

/// Looks through a directory, open elsewhere or not, also when it does not open.
pub fn check(arguments: &Damage) -> ExitCode {
    let done = with_progress(|progress| Database::check_directory(&arguments.data, progress));
    conclude(arguments, done, CheckReport::is_sound, tell_check)
}

/// Repairs a directory.
pub fn repair(arguments: &Damage) -> ExitCode {
    let done = with_progress(|progress| Database::repair(&arguments.data, progress));
    conclude(arguments, done, RepairReport::is_whole, tell_repair)
}

fn conclude<R: serde::Serialize>(
    arguments: &Damage,
    done: Result<R, Error>,
    is_well: fn(&R) -> bool,
    tell: fn(&R, &Path) -> String,
) -> ExitCode {
    let told = done.map_err(|error| error.to_string()).and_then(|report| {
        let json = serde_json::to_string_pretty(&report).map_err(|error| error.to_string());
        let text = if arguments.json { json? + "\n" } else { tell(&report, &arguments.data) };
        std::io::stdout().write_all(text.as_bytes()).map_err(|error| error.to_string())?;
        Ok(is_well(&report))
    });
    match told {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Where nobody can be told, the status still says it.
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::from(2)
        }
    }
}

/// Shows how far it is, where somebody looks.
fn with_progress<T>(work: impl FnOnce(&mut dyn FnMut(CheckProgress<'_>)) -> T) -> T {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {eta} left") {
        bar.set_style(style);
    }
    let done = work(&mut |at| {
        bar.set_length(at.total);
        bar.set_position(at.done);
    });
    bar.finish_and_clear();
    done
}

fn tell_check(report: &CheckReport, data: &Path) -> String {
    let mut text: Vec<String> = Vec::new();
    for finding in &report.findings {
        text.push(format!("{finding}\n  {}\n", finding.advice));
    }
    let verdict = if report.is_sound() { "sound" } else { "DAMAGED" };
    let CheckReport { segments, chunks, journal_records, metrics, unlisted, .. } = report;
    text.push(format!(
        "{}: {verdict}; {} findings, {segments} segments, {chunks} chunks of {metrics} metrics, {journal_records} records\n",
        data.display(),
        report.findings.len() as u64 + unlisted,
    ));
    text.concat()
}

fn tell_repair(report: &RepairReport, data: &Path) -> String {
    let mut text: Vec<String> = Vec::new();
    for repair in &report.repairs {
        text.push(format!("{}\n  {:?}", repair.finding, repair.outcome));
        if let Some((first, last)) = repair.lost {
            text.push(format!("; gone are times {first} to {last} ns"));
        }
        if !repair.methods.is_empty() {
            text.push(format!(" of {}", repair.methods.join(", ")));
        }
        if let Some(kept) = &repair.quarantined {
            text.push(format!("; kept as {}", kept.display()));
        }
        text.push("\n".to_owned());
    }
    for loss in &report.journal {
        let (first, last) = loss.records;
        text.push(format!(
            "{} at byte {}: {}\n  records {first} to {last} are gone\n",
            loss.file.display(),
            loss.offset,
            loss.what
        ));
    }
    let verdict = if report.is_whole() { "nothing is gone" } else { "what is listed above is gone" };
    let places = report.repairs.len() + report.journal.len();
    text.push(format!("{}: repaired {places} places; {verdict}\n", data.display()));
    text.concat()
}
