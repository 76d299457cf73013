#!/usr/bin/env bash
# The same measures, given to Gnocchi 4.7.1 and to the database, must come out equal, and so must operations across series:
# installs Gnocchi below target/, has it answer for series and operations made from a seed, and lets tests/upstream compare.
# The last line counts series.
#
#   UPSTREAM_SEED         the seed of the series and operations [1]
#   UPSTREAM_SERIES       how many series; 500 at least [600]
#   UPSTREAM_OPERATIONS   how many operations; 500 at least [1000]
#   PYTHON                a Python that Gnocchi runs on, 3.9 to 3.12 [python3]
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

seed=${UPSTREAM_SEED:-1}
series=${UPSTREAM_SERIES:-600}
operations=${UPSTREAM_OPERATIONS:-1000}
((series >= 500)) || fail "$series series are too few to mean something; 500 at least"
((operations >= 500)) || fail "$operations operations are too few to mean something; 500 at least"

folder=$PWD/target/upstream
environment=$folder/venv
recording=$folder/recording.jsonl
evaluated=$folder/operations.jsonl
log=$folder/log
requirements=tests/upstream/requirements.txt
mkdir -p "$folder"

environment Gnocchi "$requirements" "$environment"

say "$series series from seed $seed"
PYTHONDONTWRITEBYTECODE=1 "$environment/bin/python" tests/upstream/record.py --seed "$seed" --series "$series" "$recording"

say "$operations operations from seed $seed"
PYTHONDONTWRITEBYTECODE=1 "$environment/bin/python" tests/upstream/operations.py --seed "$seed" --cases "$operations" "$evaluated"

say "comparing"
outcome=0
GNOCCHETTI_UPSTREAM_RECORDING=$recording GNOCCHETTI_UPSTREAM_OPERATIONS=$evaluated \
    cargo test --locked --test upstream -- --nocapture gnocchi_does 2>&1 | tee "$log" || outcome=$?

count=$(grep -Ex '[0-9]+ passed, [0-9]+ failed' "$log") || fail "nothing was compared"
evaluations=$(grep -E '^[0-9]+ operations equal' "$log") || fail "no operation was compared"
printf 'summary: seed %s: %s; %s\n%s\n' "$seed" "$count" "$evaluations" "$count"
exit "$outcome"
