//! The whole path, measured: rates of ingestion, times of queries and of opening, bytes on disk, bytes in memory.
//!
//! `cargo bench --bench whole_path` measures all groups of figures, `-- wide deep` only those named, `-- --quick` all of
//! them at sizes that only show that everything runs. Each group runs in a child process of its own, so that memory and
//! caches of one say nothing about another. A group checks a sample of what the database answers against a naive
//! computation, and what it accepted; when anything is wrong, no figure of it is printed, and the bench fails.

mod bytes;
mod check;
mod data;
mod figures;
mod ingest;
mod memory;
mod proc;
mod query;
mod setup;
mod sync;

use std::process::{Command, ExitCode, Stdio};

use figures::{GROUPS, Group, Judgement};
use setup::{Outcome, Run};

/// The argument that makes this program measure one group (or one step of it) and nothing else.
const CHILD: &str = "--measure";

fn main() -> ExitCode {
    // What cargo passes to every bench.
    let mut arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    arguments.retain(|argument| argument != "--quick");
    let outcome = match arguments.split_first() {
        Some((first, rest)) if first == CHILD => measure(rest, quick),
        _ => all(&arguments, quick),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures the groups that the words name, or all of them.
fn all(words: &[String], quick: bool) -> Outcome<()> {
    let wanted = figures::named(words)?;
    print!("{}", proc::conditions(quick));
    let mut failed = Vec::new();
    for group in wanted {
        eprintln!("{} ...", group.name);
        match child(group, quick) {
            Ok(text) => print!("{text}"),
            Err(error) => {
                eprintln!("error: {}: {error}", group.name);
                failed.push(group.name);
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(" ")).into()) }
}

/// Measures a group in a process of its own; returns what is to be printed of it.
fn child(group: &Group, quick: bool) -> Outcome<String> {
    let directory = setup::temporary_directory()?;
    let mut arguments = vec![group.name.to_owned(), directory.path().display().to_string()];
    if quick {
        arguments.push("--quick".to_owned());
    }
    let printed = run_self(&arguments)?;
    figures::report(group, &printed, if quick { Judgement::None } else { Judgement::Target })
}

/// Runs this program again with these arguments; returns what it printed.
fn run_self(arguments: &[String]) -> Outcome<String> {
    let mut command = Command::new(std::env::current_exe()?);
    let output = command.arg(CHILD).args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if output.status.success() {
        Ok(String::from_utf8(output.stdout)?)
    } else {
        Err(format!("the measuring process ended with {}", output.status).into())
    }
}

/// What the child does: measures the group named first in the directory named second.
fn measure(words: &[String], quick: bool) -> Outcome<()> {
    let [name, directory, rest @ ..] = words else {
        return Err("which group, and where?".into());
    };
    let run = Run { directory: directory.into(), quick, arguments: rest.to_vec() };
    let measured = match GROUPS.iter().find(|group| group.name == name) {
        Some(group) => (group.measure)(&run)?,
        None => memory::step(name, &run)?,
    };
    print!("{measured}");
    Ok(())
}
