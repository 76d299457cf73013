//! The layers of the library, as a table, and the test that no source file crosses them.
//!
//! Every path of every file in `src/` that leads out of its module (`crate::…`, `super::super::…`, also inside
//! `use a::{b, c}`) is an edge, and must be one the table allows; and what only one module may touch (files, the index,
//! threads, clocks) nobody else names. `ARCHITECTURE.md` shows the same table; a test compares the two.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on says why")]

mod source;

use source::{code_only, is_kind, project_files, without_tests};

/// What a module may name of the rest of the crate.
#[derive(Clone, Copy)]
enum MayUse {
    /// These modules, and itself.
    Modules(&'static [&'static str]),
    /// What any program that links the library can name.
    PublicApi,
}

use MayUse::{Modules, PublicApi};

/// The layers, bottom first: a row names only rows above it.
#[rustfmt::skip]
const LAYERS: &[(&str, MayUse)] = &[
    ("error", Modules(&[])),
    ("types", Modules(&["error"])),
    ("carbonara", Modules(&["error", "types"])),
    ("codec", Modules(&["error", "types"])),
    ("fs", Modules(&["error"])),
    ("ops", Modules(&["error", "types", "carbonara"])),
    ("journal", Modules(&["error", "types", "codec", "fs"])),
    ("segment", Modules(&["error", "types", "codec", "fs"])),
    ("indexer", Modules(&["error", "types"])),
    ("head", Modules(&["error", "types", "carbonara", "codec"])),
    ("query", Modules(&["error", "types", "carbonara", "codec", "fs", "ops", "journal", "segment", "indexer", "head"])),
    ("engine", Modules(&["error", "types", "carbonara", "codec", "fs", "ops", "journal", "segment", "indexer", "head", "query"])),
    ("database", Modules(&["error", "types", "carbonara", "fs", "ops", "indexer", "query", "engine"])),
    ("ffi", PublicApi),
    ("rest", PublicApi),
    ("bin", PublicApi),
];

/// Where a row of the table means these items of a module only.
const ONLY: &[(&str, &str, &[&str])] =
    &[("database", "carbonara", &["Sampling"]), ("database", "fs", &["Fs", "RealFs"])];

/// What only some modules may name, in code that is not a test; and why.
#[rustfmt::skip]
const ALONE: &[(&str, &[&str], &str)] = &[
    ("std::fs", &["fs"], "faults are injected at the only door to files"),
    ("std::os", &["fs"], "faults are injected at the only door to files"),
    ("std::net", &["rest", "bin"], "the library opens no connection"),
    ("std::env", &["bin"], "a library does what its caller says, not the environment"),
    ("std::thread", &["engine", "database", "fs::counting"], "one place sequences the work; a slow disk is simulated"),
    ("SystemTime", &["engine", "database"], "replay and aggregation read no clock"),
    ("Instant::now", &["engine", "database", "rest"], "replay and aggregation read no clock; they may be told the time"),
    ("libc", &["fs", "ffi"], "what the system is called with stays in one place"),
    ("rusqlite", &["indexer"], "the push path never touches SQLite"),
    ("bincode", &["types::encoding"], "its successor has one module to replace"),
    ("axum", &["rest"], "the default build has no server in it"),
    ("tokio", &["rest"], "the default build has no runtime in it"),
    ("clap", &["bin"], "only the command parses a command line"),
    ("indicatif", &["bin"], "only the command draws progress"),
];

/// A path in the code: the line it is on and its segments, which start with `crate` (`super` and `self` are resolved) or
/// with the name of another crate.
#[derive(Debug, PartialEq)]
struct Edge {
    line: usize,
    segments: Vec<String>,
}

/// Identifiers, `::` and single other characters, each with its line.
fn tokens(code: &str) -> Vec<(usize, String)> {
    let mut tokens: Vec<(usize, String)> = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let length = if word > 0 {
                word
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            tokens.push((number + 1, rest[..length].to_owned()));
            rest = rest[length..].trim_start();
        }
    }
    tokens
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Every path that a file of `module` names.
fn edges(code: &str, module: &[String]) -> Vec<Edge> {
    let tokens = tokens(code);
    let token = |at: usize| tokens.get(at).map_or("", |(_, token)| token.as_str());
    let mut inner: Vec<(String, usize)> = Vec::new(); // inline modules, each with the depth of its body
    let mut depth = 0;
    let mut edges = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if starts_path(&token, at) {
            let mut here = module.to_vec();
            here.extend(inner.iter().map(|(name, _)| name.clone()));
            let mut paths = Vec::new();
            at = expand(&tokens, at, &mut Vec::new(), &mut paths);
            edges.extend(paths.into_iter().map(|(line, path)| Edge { line, segments: resolve(&here, path) }));
            continue;
        }
        match token(at) {
            "mod" if token(at + 2) == "{" => inner.push((token(at + 1).to_owned(), depth)),
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                inner.retain(|(_, outside)| *outside < depth);
            }
            _ => {}
        }
        at += 1;
    }
    edges
}

fn starts_path<'t>(token: &impl Fn(usize) -> &'t str, at: usize) -> bool {
    let leads_on = token(at + 1) == "::" || (matches!(token(at), "crate" | "super" | "self") && token(at + 1) == "as");
    let goes_on_from_before = at >= 2 && token(at - 1) == "::" && (is_name(token(at - 2)) || token(at - 2) == ">");
    is_name(token(at)) && leads_on && !goes_on_from_before
}

/// Reads the path, or tree of paths, at `at`; returns where it ends.
fn expand(
    tokens: &[(usize, String)],
    mut at: usize,
    prefix: &mut Vec<String>,
    paths: &mut Vec<(usize, Vec<String>)>,
) -> usize {
    while let Some((line, token)) = tokens.get(at) {
        let follows = tokens.get(at + 1).map_or("", |(_, token)| token.as_str());
        if token == "{" {
            at += 1;
            while tokens.get(at).is_some_and(|(_, token)| token != "}") {
                let separator = tokens[at].1 == ",";
                at = if separator { at + 1 } else { expand(tokens, at, &mut prefix.clone(), paths).max(at + 1) };
            }
            return at + 1;
        }
        if !is_name(token) && token != "*" {
            paths.push((*line, prefix.clone()));
            return at;
        }
        prefix.push(token.clone());
        if follows != "::" {
            paths.push((*line, prefix.clone()));
            return if follows == "as" { at + 3 } else { at + 1 };
        }
        at += 2;
    }
    at
}

/// The path from the root of the crate, or of another crate.
fn resolve(module: &[String], path: Vec<String>) -> Vec<String> {
    let mut base = module.to_vec();
    let mut rest = path.into_iter().peekable();
    if !matches!(rest.peek().map(String::as_str), Some("crate" | "self" | "super")) {
        return rest.collect();
    }
    while let Some(segment) = rest.next_if(|segment| matches!(segment.as_str(), "crate" | "self" | "super")) {
        match segment.as_str() {
            "crate" => base.clear(),
            "super" => drop(base.pop()),
            _ => {}
        }
    }
    std::iter::once("crate".to_owned()).chain(base).chain(rest).collect()
}

/// The module of a source file, from the root: `src/journal/writer.rs` is `journal::writer`; `src/lib.rs` is the root.
fn module_of(path: &str) -> Vec<String> {
    let stem = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs").trim_end_matches("/mod");
    if stem == "lib" { Vec::new() } else { stem.split('/').map(str::to_owned).collect() }
}

/// What is wrong with an edge from `module`, if anything.
fn broken_layer(module: &[String], edge: &Edge) -> Option<String> {
    let from = module.first()?;
    let Some((_, may_use)) = LAYERS.iter().find(|(name, _)| name == from) else {
        return Some(format!("`{from}` has no row in the table of tests/layering.rs"));
    };
    let path = edge.segments.join("::");
    let segment = |index: usize| edge.segments.get(index).map_or("", String::as_str);
    if from == "bin" || segment(0) == "gnocchetti" {
        let inside = segment(0) == "gnocchetti" && (from != "bin" || segment(1) == "internals");
        return inside.then(|| format!("`{from}` names `{path}`: only the public API is open to it, by `crate::`"));
    }
    if segment(0) != "crate" || segment(1) == from {
        return None;
    }
    let to_module = LAYERS.iter().any(|(name, _)| *name == segment(1));
    match may_use {
        PublicApi
            if to_module && !matches!(segment(1), "error" | "ops") || matches!(segment(1), "" | "*" | "internals") =>
        {
            Some(format!("`{from}` names `{path}`, but only the public API is open to it"))
        }
        PublicApi => None,
        Modules(_) if !to_module => Some(format!(
            "`{from}` names `{path}` through the root; name the module that has it, such as `crate::types::…`"
        )),
        Modules(allowed) if !allowed.contains(&segment(1)) => {
            Some(format!("`{from}` names `{path}`, but may use only [{}]", allowed.join(", ")))
        }
        Modules(_) => ONLY.iter().find_map(|(user, used, items)| {
            let beyond = user == from && *used == segment(1) && !items.contains(&segment(2));
            beyond.then(|| format!("`{from}` names `{path}`, but of `{used}` may use only [{}]", items.join(", ")))
        }),
    }
}

/// What is wrong with an edge from `module` into something that others have for themselves.
fn broken_privilege(module: &[String], edge: &Edge) -> Option<String> {
    let module = module.join("::");
    let path = edge.segments.join("::");
    let within = |inner: &str, outer: &str| inner == outer || inner.starts_with(&format!("{outer}::"));
    let names = |what: &str| format!("::{path}::").contains(&format!("::{what}::"));
    let errno_constant = module == "error" && path.starts_with("libc::E");
    let broken = |&&(what, who, _): &&(&str, &[&str], &str)| {
        names(what) && !errno_constant && !who.iter().any(|who| within(&module, who))
    };
    let (what, who, why) = ALONE.iter().find(broken)?;
    Some(format!("`{module}` names `{path}`; only [{}] may use {what}: {why}", who.join(", ")))
}

/// Everything that one source file does against the table.
fn violations(path: &str, text: &str) -> Vec<String> {
    let code = code_only(text);
    let module = module_of(path);
    let top = module.first().map_or("", String::as_str);
    let mut found: Vec<(usize, String)> = edges(&code, &module)
        .iter()
        .filter_map(|edge| broken_layer(&module, edge).map(|what| (edge.line, what)))
        .collect();
    let only_tests = module.iter().any(|segment| segment == "tests");
    let library = if only_tests { String::new() } else { without_tests(&code) };
    found.extend(
        edges(&library, &module)
            .iter()
            .filter_map(|edge| broken_privilege(&module, edge).map(|what| (edge.line, what))),
    );
    if top != "ffi" {
        let banned = tokens(&code).into_iter().filter(|(_, token)| token == concat!("un", "safe"));
        found.extend(banned.map(|(line, token)| (line, format!("`{token}`: only `ffi` talks to C"))));
    }
    found.sort();
    found.into_iter().map(|(line, what)| format!("{path}:{line}: {what}")).collect()
}

#[test]
fn no_source_file_crosses_the_layers() {
    let found: Vec<String> = project_files()
        .iter()
        .filter(|file| file.path.starts_with("src/") && is_kind(&file.path, "rs"))
        .flat_map(|file| violations(&file.path, &file.text()))
        .collect();
    assert!(found.is_empty(), "{} edges that the table does not allow:\n{}", found.len(), found.join("\n"));
}

#[test]
fn a_row_names_only_rows_above_it() {
    for (index, (module, may_use)) in LAYERS.iter().enumerate() {
        if let Modules(allowed) = may_use {
            for used in *allowed {
                let above = LAYERS[..index].iter().any(|(name, _)| name == used);
                assert!(above, "`{module}` may use `{used}`, which is not a row above it");
            }
        }
    }
}

#[test]
fn the_architecture_page_shows_this_table() {
    let files = project_files();
    let page = files.iter().find(|file| file.path == "ARCHITECTURE.md").expect("ARCHITECTURE.md").text();
    for (module, may_use) in LAYERS {
        let row = page.lines().find(|line| line.contains(&format!("| `{module}` |")));
        let row = row.unwrap_or_else(|| panic!("ARCHITECTURE.md has no row for `{module}`"));
        let shown = row.split('|').nth(4).unwrap_or_default().trim();
        let expected = match may_use {
            Modules([]) => "–".to_owned(),
            Modules(allowed) => allowed.join(", "),
            PublicApi => "the public API".to_owned(),
        };
        assert_eq!(shown, expected, "ARCHITECTURE.md, row `{module}`, column `may use`");
    }
}

/// The scanner on sources that must fail, and on sources that must not.
#[cfg(test)]
mod tests {
    use super::*;

    fn one(path: &str, text: &str) -> String {
        let found = violations(path, text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        found.into_iter().next().unwrap()
    }

    fn none(path: &str, text: &str) {
        assert_eq!(violations(path, text), Vec::<String>::new(), "{text}");
    }

    #[test]
    fn an_edge_upwards_is_found_with_its_place_and_its_rule() {
        let found = one("src/journal/writer.rs", "//! Writes.\n\nuse crate::segment::Reader;\n");
        assert_eq!(
            found,
            "src/journal/writer.rs:3: `journal` names `crate::segment::Reader`, but may use only [error, types, codec, fs]"
        );
    }

    #[test]
    fn edges_hide_in_no_form_of_a_path() {
        for text in [
            "use crate::{error::Result, segment::{Reader, Writer as W}};",
            "use {crate::segment::Reader, std::io};",
            "pub(crate) use ::std::io; fn f() -> crate::segment::Reader { todo() }",
            "fn f() { crate\n    ::segment\n    ::open(); }",
            "use super::super::segment::Reader;",
            "mod inner { use super::super::super::segment::Reader; }",
            "mod inner { fn f() {} } use super::super::segment::Reader;",
            "use self::super::super::segment::*;",
            "macro_rules! m { () => { $crate::segment::open() } }",
            "#[cfg(test)] mod tests { use crate::segment::Reader; }",
        ] {
            let found = violations("src/journal/writer.rs", text);
            assert!(!found.is_empty() && found.iter().all(|what| what.contains("segment")), "{text}: {found:?}");
        }
    }

    #[test]
    fn the_root_is_no_way_around() {
        for text in
            ["use crate::Error;", "use crate as root;", "use crate::*;", "use gnocchetti::Timestamp;", "use super::*;"]
        {
            one("src/journal/mod.rs", text);
        }
        none("src/journal/writer.rs", "use super::*;");
    }

    #[test]
    fn allowed_edges_pass() {
        none("src/journal/writer.rs", "use crate::{codec::Encoder, error::Result, fs, types::Timestamp};");
        none("src/journal/writer.rs", "use super::format::Record; pub(in crate::journal) struct Writer;");
        none("src/journal/writer.rs", "// crate::segment\nconst S: &str = \"crate::segment\";");
        none("src/lib.rs", "pub use database::Database; pub use crate::segment::Reader;");
    }

    #[test]
    fn one_item_of_a_module_is_not_the_module() {
        none("src/database/mod.rs", "pub use crate::carbonara::Sampling;");
        assert!(one("src/database/mod.rs", "use crate::carbonara::group;").contains("may use only [Sampling]"));
    }

    #[test]
    fn the_outer_skins_see_the_public_api_only() {
        none("src/ffi/metric.rs", "use crate::{Database, error::Error, ops::Operation}; use crate::ffi::panic;");
        one("src/ffi/metric.rs", "use crate::engine::Engine;");
        one("src/rest/mod.rs", "use crate::internals::fs;");
        none("src/bin/gnocchetti/main.rs", "use gnocchetti::Database; use crate::arguments;");
        one("src/bin/gnocchetti/main.rs", "use gnocchetti::internals::fs;");
    }

    #[test]
    fn what_one_module_has_for_itself_nobody_else_names() {
        assert!(one("src/journal/writer.rs", "use std::{fs::File, io::Write};").contains("only [fs] may use std::fs"));
        one("src/query/mod.rs", "use rusqlite::Connection;");
        one("src/segment/footer.rs", "fn f() { ::bincode::encode(); }");
        none("src/journal/writer.rs", "use std::time::{Duration, Instant}; fn f(now: Instant) {}");
        one("src/head/mod.rs", "fn f() { Instant::now(); }");
        one("src/head/mod.rs", "use std::time::{Duration, SystemTime};");
        one("src/head/mod.rs", "fn f() { std::time::SystemTime::now(); }");
        one("src/journal/writer.rs", "use std::thread;");
        one("src/journal/writer.rs", "fn f() { libc::fsync(0); }");
        one("src/error.rs", "fn f() { libc::fsync(0); }");
        one("src/types/time.rs", concat!("fn f() { un", "safe { g() } }"));
        none("src/error.rs", "const FULL: i32 = libc::ENOSPC;");
        none("src/fs/real.rs", "use std::fs::File; use std::os::unix::fs::FileExt;");
        none("src/types/encoding.rs", "use bincode::config;");
        none("src/engine/mod.rs", "use std::time::Instant; use std::thread::spawn;");
        none("src/journal/writer.rs", "#[cfg(test)]\nmod tests { use std::fs; }\n");
        none("src/journal/tests.rs", "use std::fs;");
        one("src/journal/writer.rs", "#[cfg(test)]\nmod tests { use std::env; }\nuse std::fs;\n");
    }

    #[test]
    fn a_module_without_a_row_is_found() {
        assert!(one("src/misc.rs", "use std::io;").contains("no row"));
    }
}
