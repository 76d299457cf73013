//! Checks of any text: lines, leftover markers, references to one machine.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::source::is_kind;

/// The longest line, in characters.
const COLUMNS: usize = 140;

/// The largest file, in bytes: what is larger belongs elsewhere than into every clone.
const LARGEST: usize = 512 * 1024;

/// Words that mean unfinished work. Written in parts, so that this file is not a finding.
const MARKERS: &[&str] = &[
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
    concat!("db", "g!"),
    concat!("FIX", "ME"),
    concat!("TO", "DO"),
    concat!("XX", "X"),
    concat!("for", " now"),
];

/// Places that only one machine or one network has.
const PLACES: &[&str] = &[
    concat!("/wo", "rk"),
    concat!("/ro", "ot"),
    concat!("/ho", "me/"),
    concat!("sha", "red/design"),
    concat!("sha", "red/prototype"),
    concat!("sha", "red/conformance"),
    concat!("sha", "red/data"),
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("python", "hosted.org"),
    concat!("npm", "js.org"),
    concat!("proxy.", "golang.org"),
];

/// Lines that are too long, or end in blanks; files that do not end with one newline.
pub fn lines(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.split_terminator('\n')) {
        let columns = line.chars().count();
        if columns > COLUMNS && !is_one_string(line) && !is_table_row(line) {
            found.push(format!("{path}:{number}: {columns} columns; {COLUMNS} at most"));
        }
        if line.ends_with([' ', '\t', '\r']) {
            found.push(format!("{path}:{number}: blanks at the end of the line"));
        }
    }
    if !text.is_empty() && (!text.ends_with('\n') || text.ends_with("\n\n")) {
        found.push(format!("{path}: must end with one newline"));
    }
    found
}

/// A line that is nothing but a string literal, or gives one to a name: messages stay whole, so that they can be found.
fn is_one_string(line: &str) -> bool {
    let line = line.trim().trim_end_matches(',');
    let value = line.split_once(" = ").filter(|(name, _)| !name.contains(['"', ' '])).map_or(line, |(_, value)| value);
    let value = value.trim_start_matches('r').trim_matches('#');
    value.len() > 1 && value.starts_with('"') && value.ends_with('"')
}

/// A row of a table in markdown, which cannot be broken.
fn is_table_row(line: &str) -> bool {
    line.starts_with("| ") && line.ends_with('|')
}

/// Words that say that something is unfinished.
pub fn markers(path: &str, text: &str) -> Vec<String> {
    findings(path, text, MARKERS, "is left behind")
}

/// References to files of one machine, or to the host of a registry.
pub fn places(path: &str, text: &str) -> Vec<String> {
    findings(path, text, PLACES, "means nothing on another machine")
}

fn findings(path: &str, text: &str, words: &[&str], why: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        for word in words.iter().filter(|word| has_word(line, word)) {
            found.push(format!("{path}:{number}: `{word}` {why}"));
        }
    }
    found
}

/// Whether `line` holds `word` with no letter, digit or underscore before it, nor after a word that ends in one.
pub fn has_word(line: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(is_word);
        let after = line[at + word.len()..].chars().next().is_some_and(is_word);
        !(before || after && word.ends_with(is_word))
    })
}

/// The finding when a file is larger than it may be.
pub fn large(path: &str, bytes: usize) -> Option<String> {
    (bytes > LARGEST).then(|| format!("{path}: {bytes} bytes; {LARGEST} at most"))
}

/// Shell scripts that are run, not sourced.
pub fn is_script(path: &str) -> bool {
    path == ".ci/run" || path.starts_with("ci/") && is_kind(path, "sh") && !path.starts_with("ci/lib/")
}

/// A script must be executable, name bash, and stop at the first failure, which `ci/lib/common.sh` sees to.
pub fn script(path: &str, text: &str, file: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mode = file.metadata().map_or(0, |file| file.permissions().mode());
    if mode & 0o111 == 0 {
        found.push(format!("{path}: is not executable"));
    }
    if !text.starts_with("#!/usr/bin/env bash\n#") {
        found.push(format!("{path}: must begin with `#!/usr/bin/env bash` and a comment that says what it does"));
    }
    if !text.contains("lib/common.sh\"\n") {
        found.push(format!("{path}: must source ci/lib/common.sh"));
    }
    if ["target/debug/", "target/release/"].iter().any(|place| text.contains(place)) {
        found.push(format!("{path}: must ask `built` where cargo puts what it builds"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_and_blanks_are_found() {
        assert_eq!(lines("a", "short\n"), Vec::<String>::new());
        assert_eq!(lines("a", &format!("{}\n", "x".repeat(140))), Vec::<String>::new());
        assert_eq!(lines("a", &format!("\n{}\n", "x".repeat(141))), ["a:2: 141 columns; 140 at most"]);
        assert_eq!(lines("a", &format!("    \"{}\",\n", "x".repeat(141))), Vec::<String>::new());
        assert_eq!(lines("a", &format!("description = \"{}\"\n", "x".repeat(141))), Vec::<String>::new());
        assert_eq!(lines("a", &format!("| {} |\n", "x".repeat(141))), Vec::<String>::new());
        assert_eq!(lines("a", &format!("    r#\"{}\"#\n", "x".repeat(141))), Vec::<String>::new());
        assert_eq!(lines("a", &format!("f(\"{}\")\n", "x".repeat(141))).len(), 1);
        assert_eq!(lines("a", "x \ny\t\n").len(), 2);
        assert_eq!(lines("a", "x\r\n").len(), 1);
        assert_eq!(lines("a", "x"), ["a: must end with one newline"]);
        assert_eq!(lines("a", "x\n\n"), ["a: must end with one newline"]);
    }

    #[test]
    fn each_marker_is_found_and_longer_words_are_not() {
        for marker in MARKERS {
            assert_eq!(markers("a", &format!("fine\n// {marker}\n")).len(), 1, "{marker}");
        }
        assert_eq!(markers("a", concat!("wait for", " nowhere, prefix", "XX", "XX\n")), Vec::<String>::new());
    }

    #[test]
    fn each_place_is_found_and_parts_of_other_paths_are_not() {
        for place in PLACES {
            assert_eq!(places("a", &format!("see `{place}`\n")).len(), 1, "{place}");
        }
        assert_eq!(places("a", concat!("cd /wo", "rk/main\n")).len(), 1);
        assert_eq!(places("a", concat!("net", "/wo", "rk and /wo", "rkers and /proc\n")), Vec::<String>::new());
    }

    #[test]
    fn a_large_file_is_found() {
        assert_eq!(large("a", 512 * 1024), None);
        assert!(large("a", 512 * 1024 + 1).is_some());
    }

    #[test]
    fn a_script_that_would_go_on_after_a_failure_is_found() {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let good = "#!/usr/bin/env bash\n# Tests.\nsource \"ci/lib/common.sh\"\n";
        assert_eq!(script("ci/test.sh", good, &own.join("ci/test.sh")), Vec::<String>::new());
        assert_eq!(script("ci/test.sh", good, &own.join("Cargo.toml")), ["ci/test.sh: is not executable"]);
        assert_eq!(script("ci/test.sh", "#!/bin/sh\ntrue\n", &own.join("ci/test.sh")).len(), 2);
        let elsewhere = format!("{good}target/release/gnocchetti serve\n");
        let expected = ["ci/test.sh: must ask `built` where cargo puts what it builds"];
        assert_eq!(script("ci/test.sh", &elsewhere, &own.join("ci/test.sh")), expected);
        assert!(is_script("ci/rust.sh") && is_script(".ci/run") && !is_script("ci/lib/common.sh"));
    }
}
