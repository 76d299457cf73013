//! Gives the shared object its name, so that a program linked against it finds the right ABI version at run time.

/// Bumped when the C ABI breaks; it is the X of `libgnocchetti.so.X`.
const ABI_MAJOR: u32 = 0;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libgnocchetti.so.{ABI_MAJOR}");
    }
}
