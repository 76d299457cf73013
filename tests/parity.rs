//! Everything that `Database` does in Rust, the other languages do too: each public method has its function of C and its method
//! of Python's, by its own name or by one that `tests/parity.txt` gives, with the reason, or a reason why it has none.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on says why")]

mod source;

use std::collections::BTreeMap;

use source::{code_only, project_files, without_tests};

/// What one language calls a method, or why it has none.
#[derive(Debug, Clone, PartialEq)]
enum Name {
    Called(String),
    Absent,
}

/// The lines of the exceptions: language, method, what it is called there (`-`: nothing), and the reason.
fn exceptions(text: &str) -> BTreeMap<(String, String), Name> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let parsed = lines.map(|line| {
        let mut words = line.splitn(4, ' ');
        let mut word =
            || words.next().unwrap_or_else(|| panic!("tests/parity.txt: `{line}` has too few words")).to_owned();
        let (language, method, name, reason) = (word(), word(), word(), word());
        assert!(reason.len() > 10, "tests/parity.txt: `{line}` gives no reason");
        ((language, method), if name == "-" { Name::Absent } else { Name::Called(name) })
    });
    parsed.collect()
}

/// The public methods in `impl Database` blocks of a source file.
fn methods(source: &str) -> Vec<String> {
    let code = without_tests(&code_only(source));
    let mut found = Vec::new();
    let mut inside = false;
    for line in code.lines() {
        if line.starts_with("impl") {
            inside = line.starts_with("impl Database {");
        }
        if let Some(rest) = line.strip_prefix("    pub fn ").filter(|_| inside) {
            found.push(rest.split(['(', '<']).next().unwrap_or_default().to_owned());
        }
    }
    found
}

/// What a language lacks: methods without a counterpart, and exceptions that are none.
fn lacking(
    language: &str,
    methods: &[String],
    exceptions: &BTreeMap<(String, String), Name>,
    default: impl Fn(&str) -> String,
    has: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut found = Vec::new();
    for method in methods {
        let usual = default(method);
        let problem = match exceptions.get(&(language.to_owned(), method.clone())) {
            Some(Name::Absent) if has(&usual) => "is there and listed as absent".to_owned(),
            Some(Name::Called(name)) if !has(name) => format!("is not there as `{name}`"),
            None if !has(&usual) => format!("has no `{usual}`, nor a line in tests/parity.txt"),
            _ => continue,
        };
        found.push(format!("{language}: `{method}` {problem}"));
    }
    let unknown = exceptions.keys().filter(|(of, method)| of == language && !methods.contains(method));
    found.extend(
        unknown.map(|(_, method)| format!("{language}: `{method}` of tests/parity.txt is no method of Database")),
    );
    found
}

#[test]
fn every_method_of_database_is_there_in_every_language() {
    let files = project_files();
    let text = |path: &str| files.iter().find(|file| file.path == path).map(source::ProjectFile::text);
    let sources = files.iter().filter(|file| file.path.starts_with("src/database"));
    let mut methods: Vec<String> = sources.flat_map(|file| methods(&file.text())).collect();
    methods.sort_unstable();
    methods.dedup();
    assert!(methods.len() > 40, "only {} methods were found", methods.len());

    let exceptions = exceptions(&text("tests/parity.txt").expect("tests/parity.txt"));
    let header = text("include/gnocchetti.h").expect("include/gnocchetti.h");
    let mut found =
        lacking("c", &methods, &exceptions, |m| format!("gnt_{m}"), |name| header.contains(&format!(" {name}(")));

    let python: String = files
        .iter()
        .filter(|file| {
            file.path.starts_with("python/") && source::is_kind(&file.path, "py") && !file.path.contains("/tests/")
        })
        .map(source::ProjectFile::text)
        .collect();
    if !python.is_empty() {
        let has = |name: &str| python.contains(&format!("    def {name}("));
        found.extend(lacking("python", &methods, &exceptions, str::to_owned, has));
    }
    assert!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n"));
}

/// The check on sources that must fail.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_methods_of_database_alone_count() {
        let source = "impl Database {\n    pub fn a(&self) {}\n    pub(crate) fn b() {}\n    pub fn c<'a>(&self) {}\n}\n\
                      impl Batch<'_> {\n    pub fn d() {}\n}\n";
        assert_eq!(methods(source), ["a", "c"]);
    }

    #[test]
    fn what_is_missing_and_what_is_no_exception_is_found() {
        let listed = exceptions(
            "# Why.\nc b - nobody needs it there\nc gone - nobody needs it there\nc d e_d it is called so\n",
        );
        let methods = ["a", "b", "c", "d"].map(str::to_owned);
        let found = lacking("c", &methods, &listed, |m| format!("gnt_{m}"), |name| name == "gnt_a" || name == "e_d");
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("`c`") && found[1].contains("`gone`"));
        let found = lacking("c", &["b".to_owned()], &exceptions("c b - nobody needs it\n"), str::to_owned, |_| true);
        assert!(found[0].contains("listed as absent"), "{found:?}");
    }
}
