//! The CSV import as a user runs it: files with and without header, and one that is no CSV.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on says why")]

mod example;

use std::process::Command;

use gnocchetti::{AggregationMethod, Database, Options, Query, Timespan};

#[test]
fn each_file_becomes_a_metric() {
    let directory = tempfile::tempdir().expect("a directory");
    let database = directory.path().join("db");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    };
    let dates = file("dates.csv", "timestamp,value\n2014-07-01 00:00:00,10\n2014-07-01 00:00:30,20\n\n2014-07-02,60\n");
    let seconds = file("seconds.csv", "0,1.5\r\n\"90\",\"-2.5\"\r\n");
    let mut import = Command::new(example::build("import_csv"));
    let output = import.arg("--dir").arg(&database).arg(dates).arg(seconds).output().expect("the import runs");
    let (stdout, _) = example::texts(&output);
    assert!(stdout.contains("dates: 3 rows accepted, 0 overwritten, 0 late"), "{stdout}");
    assert!(stdout.contains("seconds: 2 rows accepted"), "{stdout}");
    let hourly = stdout.lines().find(|line| line.starts_with("1 h")).expect("a row of the hourly archive");
    let cells: Vec<&str> = hourly.split_whitespace().collect();
    assert_eq!(cells, ["1", "h", "2014-07-01T00:00:00Z", "2014-07-02T00:00:00Z", "2", "10", "30", "60"]);

    let db = Database::open(&database, Options::new()).expect("the import left a database");
    let seconds = db.metric_by_name("seconds").expect("a metric named after its file");
    let query = Query::new(seconds.key).method(AggregationMethod::MEAN).granularity(Timespan::MINUTE);
    let means = db.measures(&query).expect("means");
    assert_eq!(means.iter().collect::<Vec<_>>(), [(0, 1.5), (60_000_000_000, -2.5)]);
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_the_line() {
    let directory = tempfile::tempdir().expect("a directory");
    let bad = directory.path().join("bad.csv");
    std::fs::write(&bad, "timestamp,value\n2014-07-01,1\n2014-07-02,many\n").expect("written");
    let mut import = Command::new(example::build("import_csv"));
    let output = import.arg("--dir").arg(directory.path().join("db")).arg(&bad).output().expect("the import runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("bad.csv: line 3: `many` is not a number"), "{stderr}");
}
