#!/usr/bin/env bash
# The Python package: builds its wheel, tests it with pytest and mypy, runs the examples, and uses the wheel in an empty
# environment without cargo and gcc, first without numpy and then with; the same with a library of the system's; builds a source
# distribution, and a wheel of that outside the repository. Installs what it needs with pip into environments below target/python.
#
#   PYTHON   a Python of 3.10 or later, with venv [python3]
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

folder=$PWD/target/python
export CARGO_TARGET_DIR=$PWD/target PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
python=${PYTHON:-python3}
mkdir -p "$folder"
# What an earlier build left would get into the wheel.
rm -rf "$folder/dist" "$folder/empty" "$folder/outside" "$folder/system" python/build python/src/*.egg-info
trap 'rm -rf python/build python/src/*.egg-info' EXIT

# bare COMMAND…: with nothing of this machine but what the system has in itself; no cargo, no gcc.
bare() {
    env -i PATH="$folder/empty/bin" HOME="$folder/empty" LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 "$@"
}

say "building the wheel"
[[ -x $folder/venv/bin/python ]] || "$python" -m venv "$folder/venv"
"$folder/venv/bin/pip" wheel --quiet --no-deps --wheel-dir "$folder/dist" ./python
wheel=$(echo "$folder"/dist/gnocchetti-*-py3-none-linux_*.whl)
[[ -f $wheel ]] || fail "no wheel for any Python 3 in $folder/dist"

say "installing it, and what it is tested with"
"$folder/venv/bin/pip" install --quiet "gnocchetti[test] @ file://$wheel"
"$folder/venv/bin/pip" install --quiet --force-reinstall --no-deps "$wheel"

say "checking types"
(cd python && "$folder/venv/bin/mypy" --cache-dir "$folder/mypy")

say "running the examples"
for example in python/examples/*.py; do
    say "$example"
    AGENT_SECONDS=2 MPLBACKEND=Agg "$folder/venv/bin/python" "$example"
done

say "using the wheel in an empty environment, without numpy"
"$python" -m venv "$folder/empty"
"$folder/empty/bin/pip" install --quiet --no-deps "$wheel"
bare "$folder/empty/bin/python" python/tests/installed.py
say "and with numpy"
"$folder/empty/bin/pip" install --quiet numpy
bare "$folder/empty/bin/python" python/tests/installed.py

say "the same package without a library of its own: it uses the one that is installed on the system"
GNOCCHETTI_SYSTEM_LIBRARY=1 "$folder/venv/bin/pip" wheel --quiet --no-deps --wheel-dir "$folder/system" ./python
unzip="import sys, zipfile; print(*zipfile.ZipFile(sys.argv[1]).namelist())"
! "$python" -c "$unzip" "$folder"/system/*-py3-none-any.whl | grep -q 'libgnocchetti' || fail "it carries a library"
"$folder/empty/bin/pip" install --quiet --force-reinstall --no-deps "$folder"/system/*.whl
"$python" -m zipfile -e "$wheel" "$folder/system/unpacked"
mv "$folder/system/unpacked/gnocchetti/libgnocchetti.so" "$folder/system/libgnocchetti.so.0"
bare LD_LIBRARY_PATH="$folder/system" "$folder/empty/bin/python" python/tests/installed.py
! bare "$folder/empty/bin/python" python/tests/installed.py 2>"$folder/system/said" || fail "it needs no library"
grep -q 'libgnocchetti.so.0' "$folder/system/said"

say "building a source distribution, and a wheel of it outside the repository"
"$folder/venv/bin/python" -m build --sdist --outdir "$folder/dist" python
mkdir "$folder/outside"
outside=$(mktemp -d)
cp "$folder"/dist/gnocchetti-*.tar.gz "$outside"
(cd "$outside" && "$folder/venv/bin/pip" wheel --quiet --no-deps --wheel-dir "$folder/outside" ./gnocchetti-*.tar.gz)
rm -rf "$outside"
"$folder/empty/bin/pip" install --quiet --force-reinstall --no-deps "$folder"/outside/*.whl
bare "$folder/empty/bin/python" python/tests/installed.py

say "running the tests"
outcome=0
log=$folder/log
(cd python && "$folder/venv/bin/python" -m pytest -q -p no:cacheprovider) 2>&1 | tee "$log" || outcome=$?
printf 'summary: %s\n' "$(tail -n 1 "$log" | tr -d '=')"
exit "$outcome"
