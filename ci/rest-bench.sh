#!/usr/bin/env bash
# How fast the HTTP API is, beside Gnocchi 4.7.1 itself (its API by uWSGI, its workers, PostgreSQL) in the same run. By hand: it takes
# some minutes, a release build, and a machine with nothing else to do. Lines that begin with `figure:` have the results.
#
#   REST_BENCH_ALONE   1: without Gnocchi, and so without the ratios [0]
#   PYTHON             a Python that Gnocchi runs on, 3.9 to 3.12 [python3]
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

folder=$PWD/target/rest-bench
environment=$folder/venv
requirements=tests/rest_bench/requirements.txt
mkdir -p "$folder"
export PYTHONDONTWRITEBYTECODE=1

reference=()
if [[ ${REST_BENCH_ALONE:-0} != 1 ]]; then
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null ||
        fail "PostgreSQL is not here; install it (Debian: apt-get install postgresql)"
    environment Gnocchi "$requirements" "$environment"
    reference=(--reference "$environment/bin")
fi

say "building"
cargo build --release --locked --features cli,rest --bin gnocchetti
say "measuring"
"${PYTHON:-python3}" tests/rest_bench/bench.py --command "$(built release)" "${reference[@]}"
