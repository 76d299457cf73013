#!/usr/bin/env bash
# The tests of concurrency under ThreadSanitizer: eight threads push, read, maintain, create, delete, change policies. What it
# reports and is none stands in tests/tsan.supp. ci/crash.sh calls it.
#
#   GNOCCHETTI_CONCURRENCY_SECONDS   how long the eight threads run [5]
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

target=$(rustc -vV | sed -n 's/^host: //p')
[[ $target == x86_64-unknown-linux-gnu ]] || {
    say "ThreadSanitizer: not tried on $target"
    exit 0
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Only nightly has the flag by default. Without -Zbuild-std, for which the standard library's sources would have to be there.
export RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$PWD/target/tsan
export RUSTFLAGS="-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer"
export TSAN_OPTIONS="suppressions=$PWD/tests/tsan.supp exitcode=66 ${TSAN_OPTIONS:-}"
export GNOCCHETTI_CONCURRENCY_SECONDS=${GNOCCHETTI_CONCURRENCY_SECONDS:-5}
say "running the tests of concurrency under ThreadSanitizer"
outcome=0
cargo test --locked --target "$target" --test concurrency 2>&1 | tee "$log" || outcome=$?
races=$(grep -ac '^WARNING: ThreadSanitizer' "$log" || true)
passed=$(sed -n 's/^test result: .* \([0-9]*\) passed;.*/\1/p' "$log")
printf 'summary: ThreadSanitizer: %d tests passed, %d races\n' "${passed:-0}" "$races"
((outcome == 0 && races == 0 && ${passed:-0} > 0))
