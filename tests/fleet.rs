//! The fleet as a user runs it: what it prints of its groups is what comes out by hand.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on says why")]

mod example;

use std::process::Command;

/// The rows of the table below the line that begins like this, without its header.
fn table<'a>(stdout: &'a str, title: &str) -> Vec<Vec<&'a str>> {
    let below = stdout.lines().skip_while(|line| !line.starts_with(title)).skip(3);
    below.take_while(|line| !line.is_empty()).map(|line| line.split_whitespace().collect()).collect()
}

/// The cores that web-1, web-2, db-1 and cache-1 keep busy in the n-th hour are 1, 2, 4 and 1/2 times n.
#[test]
fn the_groups_are_those_computed_by_hand() {
    let fleet = example::build("fleet");
    let run = || example::texts(&Command::new(&fleet).output().expect("the fleet runs")).0;
    let stdout = run();
    assert_eq!(stdout, run(), "two runs print the same");

    let states = table(&stdout, "the fleet");
    assert_eq!(states.len(), 5);
    assert_eq!(states[1], ["web-2", "node-a", "small", "2026-03-02T08:00:00Z", "2026-03-02T10:30:00Z"]);
    assert_eq!(states[2], ["web-2", "node-b", "small", "2026-03-02T10:30:00Z", "now"]);

    // node-a has web-1 only; node-b has 2 + 4 + 1/2 times n.
    let now = [["node-a", "1", "2", "3", "4", "5"], ["node-b", "6.5", "13", "19.5", "26", "32.5"]];
    assert_eq!(table(&stdout, "cores busy by host, as the fleet is now"), now);
    // Until 10:30, node-a has 1 + 2 and node-b 4 + 1/2 times n; web-2's six cores of 10 o'clock count half for each:
    // 3 + 3, and 12 + 1.5 + 3.
    let then = [["node-a", "3", "6", "6", "4", "5"], ["node-b", "4.5", "9", "16.5", "26", "32.5"]];
    assert_eq!(table(&stdout, "cores busy by host, as the fleet was"), then);

    let each = table(&stdout, "cores busy by each small web server");
    let values: Vec<&[&str]> = each.iter().map(|row| &row[2..]).collect();
    assert_eq!(values, [["1", "2", "3", "4", "5"], ["2", "4", "6", "8", "10"]]);
}

#[test]
fn it_says_how_it_is_used() {
    let output = Command::new(example::build("fleet")).arg("more").output().expect("the fleet runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("Usage: fleet"));
}
