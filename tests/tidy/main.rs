//! The project's habits, as a test: budgets of length, words that must not be left behind, papers that must be in shape.
//!
//! Each check is a function from text to findings, with a small test beside it that shows it failing; the tests here run
//! them over every file of the project. Budgets may be tightened, never relaxed.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on says why")]

mod code;
mod manifest;
mod papers;
#[path = "../source/mod.rs"]
mod source;
mod text;

use source::{ProjectFile, is_kind, project_files};

/// One line per finding, or the test passes.
fn assert_none(found: &[String]) {
    assert!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n"));
}

/// Runs a check over the files that `wanted` picks.
fn check(wanted: impl Fn(&str) -> bool, finds: impl Fn(&str, &str) -> Vec<String>) {
    let files: Vec<ProjectFile> = project_files().into_iter().filter(|file| wanted(&file.path)).collect();
    assert!(!files.is_empty(), "no file to check");
    assert_none(&files.iter().flat_map(|file| finds(&file.path, &file.text())).collect::<Vec<_>>());
}

/// Files written by hand, in the project's own words.
fn is_written(path: &str) -> bool {
    let kinds = ["rs", "md", "toml", "sh", "py", "c", "h", "yml", "yaml", "pyi"];
    kinds.iter().any(|kind| is_kind(path, kind)) || path.starts_with(".ci/") || path == ".gitignore"
}

fn is_rust(path: &str) -> bool {
    is_kind(path, "rs")
}

fn is_markdown(path: &str) -> bool {
    is_kind(path, "md")
}

#[test]
fn lines_are_short_and_end_cleanly() {
    check(is_written, text::lines);
}

#[test]
fn nothing_is_left_behind() {
    check(is_written, text::markers);
}

#[test]
fn nothing_points_at_one_machine() {
    check(is_written, text::places);
}

#[test]
fn no_file_is_large() {
    let files = project_files();
    assert_none(&files.iter().filter_map(|file| text::large(&file.path, file.bytes.len())).collect::<Vec<_>>());
}

#[test]
fn scripts_can_be_run_and_stop_at_the_first_failure() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    check(text::is_script, |path, script| text::script(path, script, &root.join(path)));
}

#[test]
fn files_and_functions_keep_their_budgets() {
    check(is_rust, code::budgets);
}

#[test]
fn every_source_file_says_what_it_is_for() {
    check(is_rust, code::opening);
}

#[test]
fn no_result_of_matches_is_dropped() {
    check(is_rust, code::bare_matches);
}

#[test]
fn no_test_is_switched_off() {
    check(is_rust, code::ignored_tests);
}

#[test]
fn programs_and_tests_are_safe_rust() {
    check(|path| is_rust(path) && !path.starts_with("src/ffi/"), code::no_unsafe);
}

#[test]
fn markdown_opens_with_its_title() {
    check(is_markdown, papers::title);
}

#[test]
fn links_lead_to_files_that_are_there() {
    let names: Vec<String> = project_files().into_iter().map(|file| file.path).collect();
    check(is_markdown, |path, page| papers::links(path, page, &names));
}

#[test]
fn the_index_of_docs_is_complete() {
    let names: Vec<String> = project_files().into_iter().map(|file| file.path).collect();
    check(|path| path == "docs/index.md", |_, index| papers::index(index, &names));
}

#[test]
fn the_changelog_is_in_shape() {
    check(|path| path == "CHANGELOG.md", |_, page| papers::changelog(page, env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_dependency_is_used() {
    let files = project_files();
    check(|path| path == "Cargo.toml", |_, manifest| manifest::unused(manifest, &files));
}

#[test]
fn the_default_build_has_no_server_and_no_command_line() {
    assert_none(&manifest::unwanted(&manifest::default_tree()));
}
