//! `include/gnocchetti.h` is what cbindgen makes of `src/ffi/`; whoever changes the one commits the other.
//!
//! `GNOCCHETTI_WRITE_HEADER=1 cargo test --test header` writes it anew. The diff of the header is the review of the ABI.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on says why")]

#[path = "../include/header.rs"]
mod header;

use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_header_is_what_the_sources_say() {
    let made = header::generate(root()).expect("cbindgen reads src/ffi");
    let file = root().join("include/gnocchetti.h");
    if std::env::var_os("GNOCCHETTI_WRITE_HEADER").is_some() {
        std::fs::write(&file, &made).expect("the header can be written");
    }
    let committed = std::fs::read_to_string(&file).expect("include/gnocchetti.h is there");
    let differing = committed.lines().zip(made.lines()).position(|(old, new)| old != new);
    assert!(
        committed == made,
        "include/gnocchetti.h is not what src/ffi says, from line {:?} on; \
         GNOCCHETTI_WRITE_HEADER=1 cargo test --test header writes it anew",
        differing.map(|line| line + 1)
    );
}

#[test]
fn every_function_of_the_sources_is_in_the_header() {
    // What is committed is compared with this by the test above, which may be writing it just now.
    let header = header::generate(root()).expect("cbindgen reads src/ffi");
    let mut functions = 0;
    for file in header::sources(root()).unwrap() {
        let source = std::fs::read_to_string(&file).unwrap();
        for line in source.lines().filter(|line| line.starts_with("pub ") && line.contains("extern \"C\" fn ")) {
            let name = line.split("extern \"C\" fn ").nth(1).and_then(|rest| rest.split('(').next()).unwrap();
            assert!(header.contains(&format!("{name}(")), "{name} of {} is not in the header", file.display());
            functions += 1;
        }
    }
    assert!(functions > 50, "only {functions} functions were looked for");
}

/// What stands under a heading of Cargo.toml, up to the next.
fn section<'a>(manifest: &'a str, heading: &str) -> &'a str {
    let behind = manifest.split_once(&format!("\n[{heading}]\n")).expect("the section is there").1;
    behind.split("\n[").next().unwrap_or_default()
}

#[test]
fn cargo_c_would_install_what_make_installs() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml is there");
    let committed = std::fs::read_to_string(root().join("include/gnocchetti.h")).expect("the header is there");
    let abi =
        committed.lines().find_map(|line| line.strip_prefix("#define GNT_ABI_VERSION ")).expect("it has a version");
    let (_, behind_major) = env!("CARGO_PKG_VERSION").split_once('.').expect("a version has dots");
    let library = section(&manifest, "package.metadata.capi.library");
    // As ci/lib/install.sh names the file, and build.rs the shared object.
    assert!(library.contains(&format!("\nversion = \"{abi}.{behind_major}\"\n")), "{library}");
    assert!(library.contains("\nversion_suffix_components = 1"), "{library}");
    assert!(section(&manifest, "package.metadata.capi.header").contains("\ngeneration = false\n"));
    let include = section(&manifest, "package.metadata.capi.install.include");
    assert!(include.contains("from = \"include/gnocchetti.h\", to = \"\""), "{include}");
    assert!(section(&manifest, "package.metadata.capi.pkg_config").contains("filename = \"gnocchetti\"\n"));
}
