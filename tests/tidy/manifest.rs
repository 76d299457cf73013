//! Checks of the dependencies: each one is used, and the default build has none of the heavy ones.

use std::process::Command;

use crate::source::{ProjectFile, code_only, is_kind, without_tests};
use crate::text::has_word;

/// What only features and the command may bring in.
const UNWANTED: &[&str] = &["axum", "tokio", "hyper", "tower", "clap", "indicatif", "rustls", "ring", "bcrypt"];

/// The packages that a section of the manifest names.
fn packages<'m>(manifest: &'m str, section: &str) -> Vec<&'m str> {
    let mut inside = false;
    let mut packages = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            let header = header.trim_end_matches(']');
            inside = header == section;
            packages.extend(header.strip_prefix(section).and_then(|rest| rest.strip_prefix('.')));
        } else if inside && !line.starts_with('#') {
            packages.extend(line.split_once('=').map(|(name, _)| name.split('.').next().unwrap_or(name).trim()));
        }
    }
    packages
}

/// Whether the code names this crate: a path into it, or an import of it.
fn names(code: &str, package: &str) -> bool {
    let name = package.replace('-', "_");
    let import = format!("use {name}");
    code.lines().any(|line| has_word(line, &format!("{name}::")) || has_word(line, &import))
}

/// Dependencies that nothing uses: those of the library in `src/`, those for development in tests, benches, examples.
pub fn unused(manifest: &str, files: &[ProjectFile]) -> Vec<String> {
    let rust = || files.iter().filter(|file| is_kind(&file.path, "rs"));
    let of_library = |file: &ProjectFile| file.path.starts_with("src/");
    let library: String =
        rust().filter(|file| of_library(file)).map(|file| without_tests(&code_only(&file.text()))).collect();
    let development: String = rust().map(|file| code_only(&file.text())).collect();
    let mut found = Vec::new();
    for (section, code) in [("dependencies", &library), ("dev-dependencies", &development)] {
        for package in packages(manifest, section).into_iter().filter(|package| !names(code, package)) {
            found.push(format!("Cargo.toml: `{package}` of [{section}] is not used"));
        }
    }
    found
}

/// What a program that depends on the library compiles, as `cargo tree` says it.
pub fn default_tree() -> String {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges", "normal", "--prefix", "none"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo tree runs");
    assert!(tree.status.success(), "cargo tree: {}", String::from_utf8_lossy(&tree.stderr));
    String::from_utf8_lossy(&tree.stdout).into_owned()
}

/// Packages in the tree of the default build that should not be there.
pub fn unwanted(tree: &str) -> Vec<String> {
    assert!(tree.starts_with("gnocchetti "), "not the tree of this crate: {tree}");
    let packages = tree.lines().filter_map(|line| line.split_whitespace().next());
    packages
        .filter(|package| UNWANTED.contains(package))
        .map(|package| format!("the default build compiles {package}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[package]\nname = \"x\"\n\n[dependencies]\n# Errors.\nthis-error = \"2\"\nserde.workspace = true\n\n\
                            [dependencies.uuid]\nversion = \"1\"\n\n[dev-dependencies]\ntempfile = { version = \"3\" }\n";

    fn file(path: &str, text: &str) -> ProjectFile {
        ProjectFile { path: path.to_owned(), bytes: text.as_bytes().to_vec() }
    }

    #[test]
    fn the_sections_are_read() {
        assert_eq!(packages(MANIFEST, "dependencies"), ["this-error", "serde", "uuid"]);
        assert_eq!(packages(MANIFEST, "dev-dependencies"), ["tempfile"]);
    }

    #[test]
    fn a_dependency_that_nothing_uses_is_found() {
        let library = "use serde;\n#[derive(this_error::Error)]\nenum E {}\nfn f(id: uuid::Uuid) {}\n";
        let used = [file("src/lib.rs", library), file("tests/a.rs", "use tempfile::tempdir;\n")];
        assert_eq!(unused(MANIFEST, &used), Vec::<String>::new());
        let talked_about = [file("src/lib.rs", "// serde::de\n#[cfg(test)]\nmod tests { use uuid::Uuid; }\n")];
        assert_eq!(unused(MANIFEST, &talked_about).len(), 4);
    }

    #[test]
    fn a_heavy_dependency_is_found() {
        assert_eq!(unwanted("gnocchetti v0.1.0\nlibc v0.2.0\ntokio-like v1.0.0\n"), Vec::<String>::new());
        assert_eq!(unwanted("gnocchetti v0.1.0\ntokio v1.0.0\n"), ["the default build compiles tokio"]);
    }
}
