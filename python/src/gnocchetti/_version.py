"""The version of the package, which is that of the library it was made for: Cargo.toml's, as a test compares."""

__version__ = "0.1.0"
