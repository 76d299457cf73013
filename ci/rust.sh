#!/usr/bin/env bash
# Every Rust test: unit, integration and documentation tests, with overflow checks and debug assertions on; and the
# programs of examples/ built as the README runs them.
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

log=$(mktemp)
trap 'rm -f "$log"' EXIT

say "building the examples"
cargo build --locked --release --examples

say "running the tests"
outcome=0
cargo test --locked --no-fail-fast 2>&1 | tee "$log" || outcome=$?

awk '/^test result:/ { runs++; passed += $4; failed += $6; ignored += $8 }
     END { printf "summary: %d passed, %d failed, %d ignored in %d test programs\n", passed, failed, ignored, runs }' "$log"
exit "$outcome"
