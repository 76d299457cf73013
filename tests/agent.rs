//! The agent as a user runs it: twice in one directory, and killed in between.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on says why")]

mod example;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use gnocchetti::{AggregationMethod, Database, Options, Query, Timestamp};

/// The agent on `directory`.
fn agent(directory: &Path) -> Command {
    let mut agent = Command::new(example::build("agent"));
    agent.arg("--dir").arg(directory);
    agent
}

/// The measures that a run says it pushed.
fn pushed(stderr: &str) -> u64 {
    let line = stderr.lines().find(|line| line.starts_with("pushed ")).expect("a line that says what was pushed");
    line.split_whitespace().nth(1).and_then(|count| count.parse().ok()).expect("a number")
}

/// What the first line of a run says that it continues: how many measures, from when, to when.
fn continued(stdout: &str) -> (u64, Timestamp, Timestamp) {
    let line = stdout.lines().next().unwrap_or_default();
    let words: Vec<&str> = line.split_whitespace().collect();
    let ["continued:", measures, "measures", "from", first, "to", last] = words[..] else {
        panic!("`{line}` does not say what is continued")
    };
    (measures.parse().expect("a number"), first.parse().expect("a time"), last.parse().expect("a time"))
}

/// The measures that the database itself has of all metrics, at their finest granularity.
fn stored(directory: &Path) -> u64 {
    let db = Database::open(directory, Options::new()).expect("the agent left a database");
    let metrics = db.metrics(None, 10_000).expect("metrics");
    let counts = metrics.iter().map(|metric| {
        let finest = db.archive_policy(&metric.archive_policy_name).expect("policy").definitions()[0].granularity();
        let query = Query::new(metric.key).method(AggregationMethod::COUNT).granularity(finest);
        db.measures(&query).expect("counts").values.iter().sum::<f64>()
    });
    counts.sum::<f64>() as u64
}

#[test]
fn a_second_run_continues_the_first() {
    let directory = tempfile::tempdir().expect("a directory");
    let run = || example::texts(&agent(directory.path()).args(["--for", "1500ms"]).output().expect("the agent runs"));

    let (first_stdout, first_stderr) = run();
    assert!(first_stdout.starts_with("started: "), "{first_stdout}");
    assert_eq!(stored(directory.path()), pushed(&first_stderr));

    let (second_stdout, second_stderr) = run();
    let (measures, first, last) = continued(&second_stdout);
    assert_eq!(measures, pushed(&first_stderr));
    assert!(first < last, "{first} {last}");
    assert_eq!(stored(directory.path()), measures + pushed(&second_stderr));

    for metric in ["cpu0.user", "memory.used", "load.1min"] {
        let rows: Vec<&str> = second_stdout.lines().filter(|line| line.starts_with(metric)).collect();
        let [table, chart] = rows[..] else { panic!("{metric} has {} rows, not one in each table", rows.len()) };
        let points = |row: &str| row.split_whitespace().nth(2).and_then(|points| points.parse::<u64>().ok());
        assert!(points(table).is_some_and(|points| points >= 4), "{table}");
        assert!(chart.contains('▁'), "{chart}");
    }
}

#[test]
fn a_killed_run_loses_nothing_it_reported() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut agent = agent(directory.path());
    let mut killed =
        agent.args(["--for", "forever"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("runs");
    let stderr = BufReader::new(killed.stderr.take().expect("stderr"));
    let reported = stderr.lines().map_while(Result::ok).find_map(|line| {
        let (_, measures) = line.strip_suffix(" measures")?.split_once("metrics, ")?;
        measures.parse::<u64>().ok()
    });
    killed.kill().expect("still running");
    killed.wait().expect("ends");
    let reported = reported.expect("the agent reports its progress");
    assert!(reported > 0);
    assert!(stored(directory.path()) >= reported, "{} of {reported}", stored(directory.path()));
}

#[test]
fn a_wrong_command_line_is_explained() {
    for (wrong, explained) in
        [(&["--for", "5 parsecs"][..], "--for 5 parsecs"), (&["--far"], "--far"), (&["x"], "options")]
    {
        let output = Command::new(example::build("agent")).args(wrong).output().expect("the agent runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(explained) && stderr.contains("Usage:"), "{stderr}");
    }
}
