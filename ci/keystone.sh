#!/usr/bin/env bash
# `gnocchetti serve` with tokens of a real Keystone, installed from PyPI, on SQLite: three users in two projects, and an admin;
# and with the same Keystone by https, of an authority that openssl makes. The first
# run installs Keystone, which takes a minute or two; after that it is below 90 seconds on an idle machine, most of it Keystone's
# own start. The last line counts checks.
#
#   PYTHON   a Python, 3.10 or newer [python3]
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

folder=$PWD/target/keystone
environment=$folder/venv
requirements=tests/keystone/requirements.txt
log=$folder/log
mkdir -p "$folder"

environment Keystone "$requirements" "$environment"

cargo build --locked --features cli,rest --bin gnocchetti
outcome=0
PYTHONDONTWRITEBYTECODE=1 "$environment/bin/python" tests/keystone/run.py --command "$(built debug)" 2>&1 |
    tee "$log" || outcome=$?
count=$(grep -Ex '[0-9]+ passed, [0-9]+ failed' "$log") || fail "no check was made"
printf 'summary: %s\n%s\n' "$count" "$count"
exit "$outcome"
