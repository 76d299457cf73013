#!/usr/bin/env bash
# Gnocchi's own tests of its HTTP API, over HTTP against `gnocchetti serve`: takes them from the published package, and runs
# all its files, also the two for a live server, each on an empty database. tests/gabbi/expected.yaml says which tests cannot
# pass, and why: these count as skipped. The last line counts tests.
#
#   GABBI_FILES   the files to run, for whoever works on one [all of them]
#   PYTHON        a Python, 3.9 or newer [python3]
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

gnocchi_version=4.7.1
folder=$PWD/target/gabbi
environment=$folder/venv
requirements=tests/gabbi/requirements.txt
suite=$folder/gnocchi/tests/functional/gabbits
live=$folder/gnocchi/tests/functional_live/gabbits
log=$folder/log
mkdir -p "$folder"

environment gabbi "$requirements" "$environment"
if [[ ! -d $suite || ! -d $live ]]; then
    say "fetching the suite of Gnocchi $gnocchi_version"
    "$environment/bin/pip" download --quiet --disable-pip-version-check --no-deps --dest "$folder" "gnocchi==$gnocchi_version"
    "$environment/bin/python" -m zipfile -e "$folder/gnocchi-$gnocchi_version-py3-none-any.whl" "$folder"
fi

say "building, and testing what Gnocchi's own tests do not"
cargo build --locked --features cli,rest --bin gnocchetti
cargo test --quiet --locked --features cli,rest --lib rest::
cargo test --quiet --locked --features cli,rest --test rest
cargo test --quiet --locked --features cli,rest --bin gnocchetti
cargo test --quiet --locked --features cli,rest --test fuzz

PYTHONDONTWRITEBYTECODE=1 "$environment/bin/python" -m unittest discover --quiet --start-directory tests/gabbi

say "running the suite"
outcome=0
read -r -a files <<<"${GABBI_FILES:-}"
PYTHONDONTWRITEBYTECODE=1 "$environment/bin/python" tests/gabbi/run.py --command "$(built debug)" \
    --suite "$suite" --suite "$live" --expected tests/gabbi/expected.yaml "${files[@]}" 2>&1 | tee "$log" || outcome=$?

count=$(grep -Ex '[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped' "$log") || fail "no test was run"
printf 'summary: %s\n%s\n' "$count" "$count"
exit "$outcome"
