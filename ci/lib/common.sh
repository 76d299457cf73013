# Sourced by the scripts of ci/ and by .ci/run: plain output, one root directory, one way to say what is going on.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

export CARGO_TERM_COLOR=never CARGO_TERM_PROGRESS_WHEN=never NO_COLOR=1
# What compiling again after a change would use: gigabytes, and no gain where all is compiled once.
export CARGO_INCREMENTAL=${CARGO_INCREMENTAL:-0}

# say TEXT: what happens next, on a line of its own.
say() {
    printf '==> %s\n' "$*"
}

# fail TEXT: the end, with the reason.
fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# built PROFILE [FILE]: where cargo puts the command, or another file that it builds: below CARGO_TARGET_DIR, when that is said.
built() {
    printf '%s/%s/%s\n' "$(realpath -m "${CARGO_TARGET_DIR:-target}")" "$1" "${2:-gnocchetti}"
}

# environment WHAT REQUIREMENTS PLACE: what a file of requirements names, in an environment of its own. It is made anew when the
# file has changed.
environment() {
    local what=$1 requirements=$2 place=$3
    if cmp -s "$requirements" "$place/installed.txt"; then
        say "$what is here"
        return
    fi
    say "installing $what"
    rm -rf "$place"
    "${PYTHON:-python3}" -m venv "$place"
    "$place/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
    cp "$requirements" "$place/installed.txt"
}

# step NAME COMMAND…: runs the command, says how long it took, and remembers both outcome and name for `summarize`.
step_names=()
step_outcomes=()
step_seconds=()
step() {
    local name=$1 begin=$SECONDS outcome=ok
    shift
    say "$name: $*"
    "$@" </dev/null || outcome="FAILED ($?)"
    step_names+=("$name")
    step_outcomes+=("$outcome")
    step_seconds+=($((SECONDS - begin)))
    say "$name: $outcome after $((SECONDS - begin)) s"
}

# summarize: one line per step; fails when a step did.
summarize() {
    local index failed=0
    printf '\n'
    for index in "${!step_names[@]}"; do
        printf '%-24s %5d s  %s\n' "${step_names[index]}" "${step_seconds[index]}" "${step_outcomes[index]}"
        [[ ${step_outcomes[index]} == ok ]] || failed=1
    done
    return "$failed"
}
