//! Checks of Rust source: budgets, opening paragraphs, statements that do nothing.

use crate::source::{code_only, end_of_item, test_items};

/// Lines of a file without its tests; most should have less than half.
const FILE: usize = 600;

/// Lines of a function, from `fn` to its last brace; most should have less than half.
const FUNCTION: usize = 70;

/// The number of the line in which byte `offset` of `text` lies.
fn line_of(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

/// Files and functions that are longer than their budget. Files of tests only have none for the file.
pub fn budgets(path: &str, source: &str) -> Vec<String> {
    let code = code_only(source);
    let mut found = Vec::new();
    let only_tests = path.starts_with("tests/") || path.ends_with("/tests.rs") || path.contains("/tests/");
    let tests: usize = test_items(&code).into_iter().map(|item| code[item].lines().count()).sum();
    let lines = source.lines().count() - tests;
    if lines > FILE && !only_tests {
        found.push(format!("{path}: {lines} lines without tests; {FILE} at most"));
    }
    for (begin, name) in functions(&code) {
        let lines = code[begin..end_of_item(&code, begin)].lines().count();
        if lines > FUNCTION {
            found.push(format!("{path}:{}: `{name}` has {lines} lines; {FUNCTION} at most", line_of(&code, begin)));
        }
    }
    found
}

/// Where each function begins, and its name.
fn functions(code: &str) -> Vec<(usize, &str)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let named = |(at, _): (usize, &str)| {
        let rest = &code[at + 3..];
        let name = &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())];
        let inside_word = code[..at].ends_with(is_word);
        (!inside_word && !name.is_empty()).then_some((at, name))
    };
    code.match_indices("fn ").filter_map(named).collect()
}

/// A file must open with the paragraph that says what it is for; the unit tests of a module need none of their own.
pub fn opening(path: &str, source: &str) -> Vec<String> {
    let opens = path.ends_with("/tests.rs") || source.starts_with("//! ") || source.starts_with("#![doc");
    if opens { Vec::new() } else { vec![format!("{path}:1: must open with `//!` and what it is for")] }
}

/// `matches!(…);` as a statement: an assertion that somebody forgot to assert.
pub fn bare_matches(path: &str, source: &str) -> Vec<String> {
    let code = code_only(source);
    let bare = |begin: usize| {
        let statement = code[..begin].trim_end().chars().next_back().is_none_or(|c| matches!(c, ';' | '{' | '}'));
        statement && code[begin..end_of_item(&code, begin)].ends_with(';')
    };
    let places = code.match_indices("matches!").map(|(begin, _)| begin).filter(|&begin| bare(begin));
    places.map(|begin| format!("{path}:{}: the result of `matches!` is dropped", line_of(&code, begin))).collect()
}

/// Tests that are compiled and not run.
pub fn ignored_tests(path: &str, source: &str) -> Vec<String> {
    let code = code_only(source);
    let places = code.match_indices("#[ignore").chain(code.match_indices(", ignore)]"));
    places.map(|(at, _)| format!("{path}:{}: a test is switched off", line_of(&code, at))).collect()
}

/// Code that the compiler does not check for memory safety.
pub fn no_unsafe(path: &str, source: &str) -> Vec<String> {
    let word = concat!("un", "safe");
    let code = code_only(source);
    let lines = (1..).zip(code.lines()).filter(|(_, line)| crate::text::has_word(line, word));
    lines.map(|(number, _)| format!("{path}:{number}: `{word}`, which only src/ffi may have")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(lines: usize) -> String {
        format!("fn long() {{\n{}}}\n", "    work();\n".repeat(lines - 2))
    }

    #[test]
    fn a_long_function_is_found_where_it_begins() {
        assert_eq!(budgets("src/a.rs", &function(70)), Vec::<String>::new());
        let found = budgets("src/a.rs", &format!("//! A.\n\n{}", function(71)));
        assert_eq!(found, ["src/a.rs:3: `long` has 71 lines; 70 at most"]);
        let in_tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", function(71));
        assert_eq!(budgets("src/a.rs", &in_tests).len(), 1);
    }

    #[test]
    fn braces_in_text_do_not_end_a_function() {
        let text = function(80).replacen("work();", "let c = ('}', \"}\", r#\"}\"#); // }", 1);
        assert_eq!(budgets("src/a.rs", &text), ["src/a.rs:1: `long` has 80 lines; 70 at most"]);
    }

    #[test]
    fn a_long_file_is_found_and_its_tests_do_not_count() {
        let lines = "const A: u8 = 1;\n".repeat(601);
        assert_eq!(budgets("src/a.rs", &lines), ["src/a.rs: 601 lines without tests; 600 at most"]);
        assert_eq!(budgets("src/a/tests.rs", &lines), Vec::<String>::new());
        let tests = format!("//! A.\n#[cfg(test)]\nmod tests {{\n{lines}}}\n");
        assert_eq!(budgets("src/a.rs", &tests), Vec::<String>::new());
    }

    #[test]
    fn a_file_without_its_paragraph_is_found() {
        assert_eq!(opening("a.rs", "//! What it is for.\n"), Vec::<String>::new());
        assert_eq!(opening("a.rs", "// What it is for.\n").len(), 1);
        assert_eq!(opening("a.rs", "use std::fmt;\n//! Too late.\n").len(), 1);
    }

    #[test]
    fn a_dropped_matches_is_found_and_a_used_one_is_not() {
        let bad = "fn t() {\n    let a = 1;\n    matches!(a, 1 | 2);\n}\n";
        assert_eq!(bare_matches("a.rs", bad), ["a.rs:3: the result of `matches!` is dropped"]);
        assert_eq!(bare_matches("a.rs", "fn t() { matches!(\n    f(|| { 1; }),\n    _\n); }\n").len(), 1);
        for good in [
            "fn t() { assert!(matches!(a, 1)); }",
            "fn t() -> bool { a(); matches!(a, 1) }\nconst A: u8 = 1;\n",
            "// matches!(a, 1);\n",
        ] {
            assert_eq!(bare_matches("a.rs", good), Vec::<String>::new(), "{good}");
        }
    }

    #[test]
    fn a_switched_off_test_is_found() {
        assert_eq!(
            ignored_tests("a.rs", "#[test]\n#[ignore = \"slow\"]\nfn t() {}\n"),
            ["a.rs:2: a test is switched off"]
        );
        assert_eq!(ignored_tests("a.rs", "#[cfg_attr(debug_assertions, ignore)]\nfn t() {}\n").len(), 1);
        assert_eq!(ignored_tests("a.rs", "// #[ignore]\nfn t() {}\n"), Vec::<String>::new());
    }

    #[test]
    fn unchecked_code_is_found() {
        let word = concat!("un", "safe");
        assert_eq!(no_unsafe("a.rs", &format!("fn f() {{\n    {word} {{ g() }}\n}}\n")).len(), 1);
        assert_eq!(no_unsafe("a.rs", &format!("// {word}\n#![forbid({word}_code)]\n")), Vec::<String>::new());
    }
}
