#!/usr/bin/env bash
# Fuzzes whatever decodes and parses: every target of fuzz/, for so long each, from its seeds and regressions and what earlier
# runs found. ci/crash.sh calls it. Installs cargo-fuzz when it is missing.
#
#   GNOCCHETTI_FUZZ_SECONDS   how long each target runs [8]
#   GNOCCHETTI_FUZZ_TARGETS   which ones [all]
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

cargo_fuzz_version=0.13.2
seconds=${GNOCCHETTI_FUZZ_SECONDS:-8}
folder=$PWD/target/fuzz

cargo fuzz --version 2>/dev/null || {
    say "installing cargo-fuzz $cargo_fuzz_version"
    cargo install --locked "cargo-fuzz@$cargo_fuzz_version"
}
c++ --version >/dev/null 2>&1 || fail "libFuzzer is C++: install a compiler, g++ for one"

targets=${GNOCCHETTI_FUZZ_TARGETS:-$(sed -n 's|^path = "targets/\(.*\)\.rs"$|\1|p' fuzz/Cargo.toml)}
cargo fetch --locked --manifest-path fuzz/Cargo.toml ||
    fail "fuzz/Cargo.lock is not what Cargo.toml asks for: cargo metadata --manifest-path fuzz/Cargo.toml, and commit it"
say "building the targets"
# The instruments are flags of the compiler that only nightly has by default.
export RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$folder
cargo fuzz build
programs=$folder/$(rustc -vV | sed -n 's/^host: //p')/release

executions=0 crashes=0
# fuzz TARGET: runs it; what makes it crash, hang, or take too much memory is kept in fuzz/artifacts.
fuzz() {
    local target=$1 log=$folder/$1.log inputs=("fuzz/seeds/$1") outcome=0 count
    [[ -d fuzz/regressions/$target ]] && inputs+=("fuzz/regressions/$target")
    mkdir -p "$folder/corpus/$target" "fuzz/artifacts/$target"
    "$programs/$target" "$folder/corpus/$target" "${inputs[@]}" -max_total_time="$seconds" -max_len=4096 -timeout=20 \
        -rss_limit_mb=2048 -malloc_limit_mb=256 -print_final_stats=1 -verbosity=1 \
        -artifact_prefix="fuzz/artifacts/$target/" >"$log" 2>&1 || outcome=$?
    count=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    executions=$((executions + ${count:-0}))
    if ((outcome != 0)); then
        crashes=$((crashes + 1))
        grep -a -A 12 -E 'panicked|ERROR:|SUMMARY' "$log" | head -60
        printf '%-12s CRASHED: see fuzz/artifacts/%s and %s\n' "$target" "$target" "$log"
    else
        printf '%-12s %10d executions\n' "$target" "${count:-0}"
    fi
}

say "fuzzing, $seconds s each"
for target in $targets; do
    fuzz "$target"
done
printf 'fuzz executions %d, fuzz crashes %d\n' "$executions" "$crashes"
printf 'summary: %d executions, %d crashes\n' "$executions" "$crashes"
((crashes == 0 && executions > 0))
