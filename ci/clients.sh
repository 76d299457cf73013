#!/usr/bin/env bash
# Gnocchi's own client, and schemathesis, against `gnocchetti serve`: both from PyPI, into target/clients. The last line counts.
#
#   SCHEMATHESIS_SECONDS   how long requests are made of the API's description [40]
#   PYTHON                 a Python, 3.10 or newer [python3]
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

folder=$PWD/target/clients
command=$(built debug)
mkdir -p "$folder"
export PYTHONDONTWRITEBYTECODE=1

# counted WORD LOG: how many a log says have passed, or failed, in its last line.
counted() {
    tail -n 1 "$2" | grep -oE "[0-9]+ $1" | grep -oE '[0-9]+' || echo 0
}

environment "Gnocchi's client" tests/clients/requirements.txt "$folder/clients"
environment schemathesis tests/schemathesis/requirements.txt "$folder/schemathesis"
say "building"
cargo build --locked --features cli,rest --bin gnocchetti
outcome=0

say "running Gnocchi's client"
GNOCCHETTI=$command timeout 300 "$folder/clients/bin/pytest" -p no:cacheprovider --quiet --color=no tests/clients 2>&1 |
    tee "$folder/clients.log" || outcome=$?

say "making requests of the description"
timeout 300 "$folder/schemathesis/bin/python" tests/schemathesis/run.py --command "$command" --folder "$folder" \
    --schemathesis "$folder/schemathesis/bin/schemathesis" --seconds "${SCHEMATHESIS_SECONDS:-40}" 2>&1 |
    tee "$folder/schemathesis.log" || outcome=$?

passed=0 failed=0
for log in "$folder/clients.log" "$folder/schemathesis.log"; do
    passed=$((passed + $(counted passed "$log")))
    failed=$((failed + $(counted failed "$log") + $(counted 'errors?' "$log")))
done
printf 'summary: %s passed, %s failed\n%s passed, %s failed\n' "$passed" "$failed" "$passed" "$failed"
exit "$outcome"
