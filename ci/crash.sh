#!/usr/bin/env bash
# Never lose a measure: every cut of the crash matrix, calls that fail, planted bugs, kills of a real process, a full disk,
# an endless load; flipped bytes of every file; hostile bytes for whatever decodes and parses (ci/lib/fuzz.sh); threads under
# ThreadSanitizer (ci/lib/tsan.sh).
#
#   GNOCCHETTI_SOAK           `long` runs for hours [short]
#   GNOCCHETTI_SOAK_SECONDS   how long the endless load lasts [15; 3600 when long]
#   GNOCCHETTI_FUZZ_SECONDS   how long each target is fuzzed [8; 600 when long]
#   GNOCCHETTI_NO_MOUNT       `1` does without the full disk and read-only media where nothing can be mounted
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

least_cuts=10000
least_kills=100

log=$(mktemp)
trap 'rm -f "$log"' EXIT

export GNOCCHETTI_SOAK=${GNOCCHETTI_SOAK:-short}
seconds=15 fuzz_seconds=8
[[ $GNOCCHETTI_SOAK == long ]] && seconds=3600 fuzz_seconds=600
export GNOCCHETTI_SOAK_SECONDS=${GNOCCHETTI_SOAK_SECONDS:-$seconds}
export GNOCCHETTI_FUZZ_SECONDS=${GNOCCHETTI_FUZZ_SECONDS:-$fuzz_seconds}
say "running the crash tests, $GNOCCHETTI_SOAK, with $GNOCCHETTI_SOAK_SECONDS seconds of endless load"
outcome=0
# One test at a time: the kills are timed, and the others use all processors by themselves.
cargo test --locked --no-fail-fast --release --test crash --test soak -- --nocapture --test-threads=1 2>&1 | tee "$log" || outcome=$?

bash ci/lib/fuzz.sh || outcome=1
bash ci/lib/tsan.sh || outcome=1

# sum WORD: adds up the numbers after WORD in the lines that begin with `counted:`.
sum() {
    awk -v word="$1" '/^counted: / { for (i = 2; i < NF; i++) if ($i == word) total += $(i + 1) } END { print total + 0 }' "$log"
}

# Of the lines that count flipped bytes alone.
flipped=$(sum flipped) flipped_wrong=$(grep '^counted: flipped ' "$log" | awk '{ total += $NF } END { print total + 0 }')
printf 'flipped %d, wrong %d\n' "$flipped" "$flipped_wrong"
cuts=$(sum cuts) kills=$(sum kills) lost=$(sum lost) wrong=$(sum wrong)
say "$(sum faults) calls failed, $(sum full) met a full disk, $(grep -c 'planted: .*: found at' "$log") times a planted bug was found"
grep '^verdict: ' "$log" || outcome=1
if ((lost + wrong > 0)) || ((flipped == 0)) || ((cuts < least_cuts)) || ((kills < least_kills)); then
    outcome=1
fi
for medium in 'full disk' 'read-only media'; do
    if grep -q "$medium: .*not tested" "$log"; then
        say "$medium: not tested, nothing can be mounted here"
    fi
done
printf 'cuts %d, kills %d, lost %d, wrong %d\n' "$cuts" "$kills" "$lost" "$wrong"
printf 'summary: cuts %d, kills %d, lost %d, wrong %d\n' "$cuts" "$kills" "$lost" "$wrong"
exit "$outcome"
