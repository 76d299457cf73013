//! The programs of `examples/`, built and run as a user would.

use std::path::PathBuf;
use std::process::{Command, Output};

/// Builds the example, in the profile of this test, and returns where it is.
pub fn build(name: &str) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "--quiet", "--message-format=json", "--example", name]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let built = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs");
    assert!(built.status.success(), "cargo build: {}", String::from_utf8_lossy(&built.stderr));
    let messages = String::from_utf8(built.stdout).expect("messages are UTF-8");
    let built_as = |message: serde_json::Value| {
        let is_example = message["target"]["name"] == name && message["target"]["kind"][0] == "example";
        is_example.then(|| message["executable"].as_str().map(PathBuf::from)).flatten()
    };
    let mut programs = messages.lines().filter_map(|line| serde_json::from_str(line).ok()).filter_map(built_as);
    programs.next().unwrap_or_else(|| panic!("cargo names no program for {name}: {messages}"))
}

/// The program's stdout and stderr, after it has succeeded.
pub fn texts(output: &Output) -> (String, String) {
    let stdout = String::from_utf8(output.stdout.clone()).expect("stdout is UTF-8");
    let stderr = String::from_utf8(output.stderr.clone()).expect("stderr is UTF-8");
    assert!(output.status.success(), "{}\n{stdout}\n{stderr}", output.status);
    (stdout, stderr)
}
