#!/usr/bin/env bash
# All tests: installs what is missing, runs every other script of this folder but ci/rest-bench.sh, and says what each one did and how long
# it took. Fails when one of them failed, after all have run.
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# run SCRIPT: its output passes through, and is kept for the summaries at the end.
run() {
    bash "$1" 2>&1 | tee "$logs/${1##*/}"
}

step ci/deps.sh bash ci/deps.sh
for script in ci/*.sh; do
    case $script in
    # This one, the one that was first, and what is for a quiet machine.
    ci/test.sh | ci/deps.sh | ci/rest-bench.sh) ;;
    *) step "$script" run "$script" ;;
    esac
done

outcome=0
summarize || outcome=1
# A script ends with lines that begin with `summary:`.
grep -H '^summary:' -r "$logs" | sed "s|^$logs/|ci/|; s|:summary:|:|" || true
exit "$outcome"
