//! How `include/gnocchetti.h` is made: shared by `build.rs` and the test that holds the committed one against the sources.

use std::error::Error;
use std::path::{Path, PathBuf};

/// The files of the ABI in the order of the header.
const FILES: &[&str] = &[
    "status",
    "error",
    "text",
    "version",
    "log",
    "options",
    "database",
    "deletion",
    "snapshot",
    "check",
    "policies",
    "metrics",
    "push",
    "query",
    "result",
    "arrow",
    "operations",
    "resources",
    "resource_batch",
];

/// Where those files are.
pub fn sources(root: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let files: Vec<PathBuf> = FILES.iter().map(|file| root.join("src/ffi").join(file).with_extension("rs")).collect();
    for entry in std::fs::read_dir(root.join("src/ffi"))? {
        let path = entry?.path();
        let exports = path.is_file() && std::fs::read_to_string(&path)?.contains("no_mangle");
        if exports && !files.contains(&path) {
            return Err(format!("{} exports functions, and the header has no place for it", path.display()).into());
        }
    }
    Ok(files)
}

/// The header as cbindgen makes it of the sources.
pub fn generate(root: &Path) -> Result<String, Box<dyn Error>> {
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml"))?;
    let builder =
        sources(root)?.into_iter().fold(cbindgen::Builder::new().with_config(config), cbindgen::Builder::with_src);
    let mut made = Vec::new();
    builder.generate()?.write(&mut made);
    Ok(String::from_utf8(made)?)
}
