//! What the fuzz targets were given once, given to them again: the seeds, and whatever once made one of them panic.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on says why")]
#![allow(dead_code, reason = "the targets' library is compiled into this test")]

#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::path::Path;

/// The files kept for a target, in a folder of `fuzz/`.
fn kept(folder: &str, target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder).join(target);
    let entries = std::fs::read_dir(folder).map(|entries| entries.map(|entry| entry.unwrap().path()).collect());
    entries.unwrap_or_else(|_| Vec::new()).iter().map(|path| std::fs::read(path).unwrap()).collect()
}

#[test]
fn what_was_fuzzed_once_is_taken_again() {
    for &(name, target) in targets::TARGETS {
        let seeds = kept("seeds", name);
        assert!(!seeds.is_empty(), "fuzz/seeds/{name} is empty");
        seeds.iter().chain(&kept("regressions", name)).for_each(|input| target(input));
    }
}

/// A seed that is refused at once would say nothing to the fuzzer.
#[test]
fn damaged_seeds_are_taken_too() {
    for &(name, target) in targets::TARGETS {
        for seed in kept("seeds", name) {
            for at in (0..seed.len()).step_by(1 + seed.len() / 128) {
                let mut damaged = seed.clone();
                damaged[at] ^= 1 << (at % 8);
                target(&damaged);
                target(&seed[..at]);
            }
        }
    }
}

#[test]
fn every_target_has_its_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = std::fs::read_to_string(root.join("fuzz/Cargo.toml")).unwrap();
    for &(name, _) in targets::TARGETS {
        assert!(manifest.contains(&format!("path = \"targets/{name}.rs\"")), "{name} has no program");
        let program = std::fs::read_to_string(root.join(format!("fuzz/targets/{name}.rs"))).unwrap();
        assert!(program.contains(&format!("gnocchetti_fuzz::{name}(data)")), "{name}.rs calls something else");
    }
}
