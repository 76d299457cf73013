//! Gives the shared object its name, so that a program linked against it finds the right ABI version at run time; and, with
//! the feature `header`, writes the C header anew.

/// Bumped when the C ABI breaks; it is the X of `libgnocchetti.so.X`.
const ABI_MAJOR: u32 = 0;

#[cfg(feature = "header")]
#[path = "include/header.rs"]
mod header;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libgnocchetti.so.{ABI_MAJOR}");
    }
    #[cfg(feature = "header")]
    write_header();
}

#[cfg(feature = "header")]
fn write_header() {
    println!("cargo:rerun-if-changed=src/ffi");
    println!("cargo:rerun-if-changed=cbindgen.toml");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = root.join("include/gnocchetti.h");
    match header::generate(root) {
        // Only where it changed, so that what depends on it is not compiled again for nothing.
        Ok(made) if std::fs::read_to_string(&file).is_ok_and(|there| there == made) => {}
        Ok(made) => std::fs::write(&file, made).unwrap_or_else(|error| panic!("cannot write the header: {error}")),
        Err(error) => panic!("cbindgen cannot read src/ffi: {error}"),
    }
}
