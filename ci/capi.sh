#!/usr/bin/env bash
# The C ABI: tests as C99 and C++17, alone, under AddressSanitizer and under valgrind; the library installed, found by
# pkg-config and used by the examples; the README's program; a plugin tried with the real collectd.
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

# needed COMMAND PACKAGE…: installs Debian's packages where the command fails.
needed() {
    local command=$1
    shift
    if eval "$command" >/dev/null 2>&1; then return; fi
    say "installing $*"
    local as_root=()
    [[ $(id -u) -eq 0 ]] || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

needed "g++ --version" g++
needed "pkg-config --version" pkg-config
needed "valgrind --version" valgrind libc6-dbg
needed "make --version" make
needed "test -f /usr/include/cmocka.h" libcmocka-dev
needed "test -x /usr/sbin/collectd" collectd-core
needed "test -d /usr/include/collectd/core" collectd-dev

work=$PWD/target/capi
rm -rf "$work"
mkdir -p "$work"
prefix=$work/installed
warnings=(-Wall -Wextra -Wpedantic -Werror)
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib

say "installing the library into target/"
make --no-print-directory install PREFIX="$prefix"
read -ra flags <<<"$(pkg-config --cflags --libs gnocchetti)"
archive=("$prefix/lib/libgnocchetti.a" -lm -lpthread -ldl)
python3 tests/c/generate.py include/gnocchetti.h "$work/misuse.c"

# tests NAME COMMAND…: runs a built test program in a new directory, and keeps what it said.
tests() {
    local directory=$work/$1.d
    mkdir "$directory"
    (cd "$directory" && "${@:2}" "$work/$1" "$directory") 2>&1 | tee "$work/$1.log"
}

c99() {
    gcc -std=c99 -g "${warnings[@]}" -Itests/c tests/c/test_capi.c "$work/misuse.c" -o "$work/c99" \
        "${flags[@]}" -lcmocka -lpthread
    tests c99 env
}

cpp17() {
    g++ -std=c++17 -x c++ -g "${warnings[@]}" -Itests/c tests/c/test_capi.c "$work/misuse.c" -x none -o "$work/cpp17" \
        "${flags[@]}" -lcmocka -lpthread
    tests cpp17 env
}

under_valgrind() {
    # With the names of functions, which findings and suppressions need.
    mkdir "$work/named"
    ln -s "$(built release libgnocchetti.so)" "$work/named/libgnocchetti.so.0"
    cp "$work/c99" "$work/valgrind"
    LD_LIBRARY_PATH=$work/named tests valgrind valgrind --quiet --child-silent-after-fork=yes --leak-check=full \
        --suppressions="$PWD/tests/c/valgrind.supp" \
        --errors-for-leak-kinds=definite,possible --error-exitcode=9
}

address_sanitizer() {
    gcc -std=c99 -g -fsanitize=address "${warnings[@]}" -I"$prefix/include" -Itests/c tests/c/test_capi.c "$work/misuse.c" \
        -o "$work/asan" "${archive[@]}" -lcmocka
    tests asan env
}

installed() {
    local exported soname
    exported=$(nm -D --defined-only "$prefix/lib/libgnocchetti.so" | awk '{ print $3 }')
    soname=$(objdump -p "$prefix/lib/libgnocchetti.so" | awk '$1 == "SONAME" { print $2 }')
    ! grep -v '^gnt_' <<<"$exported" || return 1
    [[ $(wc -l <<<"$exported") -ge 100 && $soname == libgnocchetti.so.0 && -e $prefix/lib/$soname ]] || return 1
    [[ $(pkg-config --modversion gnocchetti) == "$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)" ]]
}

# What `cargo cinstall` installs, where there is a cargo-c: the same files as `make install`, and a library of the same name.
cargo_c() {
    local other=$work/cinstalled
    cargo cinstall --locked --target-dir "$work/cargo-c" --prefix="$other" --libdir="$other/lib" --includedir="$other/include" \
        || return 1
    diff <(cd "$prefix" && find . ! -type d | sort) <(cd "$other" && find . ! -type d | sort) || return 1
    cmp "$prefix/include/gnocchetti.h" "$other/include/gnocchetti.h" || return 1
    objdump -p "$other/lib/libgnocchetti.so" | grep -q 'SONAME *libgnocchetti.so.0$' || return 1
    gcc -std=c99 "${warnings[@]}" "$work/readme.c" -o "$work/cinstalled-readme" \
        $(PKG_CONFIG_PATH=$other/lib/pkgconfig pkg-config --cflags --libs gnocchetti) || return 1
    (cd "$(mktemp -d)" && LD_LIBRARY_PATH=$other/lib "$work/cinstalled-readme")
}

examples() {
    make --no-print-directory -C examples/c OUT="$work"
    "$work/agent" "$work/agent-db" 2
    "$work/query" "$work/agent-db"
    [[ $("$work/query" "$work/agent-db" cpu.busy max | wc -l) -ge 2 ]]
}

readme() {
    awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' README.md >"$work/readme.c"
    gcc -std=c99 "${warnings[@]}" "$work/readme.c" -o "$work/readme" "${flags[@]}"
    (cd "$work" && "$work/readme") | tee "$work/readme.log"
    [[ $(cat "$work/readme.log") == $'20.75\n22' ]]
}

# collectd runs with the plugin and with its own CSV writer; every value of the one must be among those of the other.
collectd_plugin() {
    local configuration=$work/collectd.conf plugins=$work/plugins pid
    mkdir -p "$plugins"
    cp /usr/lib/collectd/*.so "$plugins/"
    make --no-print-directory -C examples/collectd OUT="$plugins"
    cat >"$configuration" <<END
BaseDir "$work"
PluginDir "$plugins"
TypesDB "/usr/share/collectd/types.db"
Hostname "host"
FQDNLookup false
Interval 1
LoadPlugin logfile
<Plugin logfile>
  LogLevel info
  File "$work/collectd.log"
</Plugin>
LoadPlugin load
LoadPlugin memory
LoadPlugin csv
<Plugin csv>
  DataDir "$work/csv"
  StoreRates false
</Plugin>
LoadPlugin gnocchetti
<Plugin gnocchetti>
  Directory "$work/collectd-db"
  ArchivePolicy "high"
</Plugin>
END
    /usr/sbin/collectd -f -C "$configuration" -P "$work/collectd.pid" &
    pid=$!
    sleep 8
    kill -TERM "$pid"
    wait "$pid" || true
    python3 tests/c/compare_collectd.py "$work/query" "$work/collectd-db" "$work/csv/host" || { cat "$work/collectd.log"; false; }
}

step "C99" c99
step "C++17" cpp17
step "AddressSanitizer" address_sanitizer
step "valgrind" under_valgrind
step "installed" installed
step "examples" examples
step "README" readme
step "collectd" collectd_plugin
if cargo cinstall --version >/dev/null 2>&1; then step "cargo-c" cargo_c; fi

outcome=0
summarize || outcome=1
passed=$(cat "$work"/*.log | sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' | awk '{ total += $1 } END { print total + 0 }')
failed=$(cat "$work"/*.log | sed -n 's/^\[  FAILED  \] \([0-9]*\) test.*/\1/p' | awk '{ total += $1 } END { print total + 0 }')
((failed == 0 && passed >= 52)) || outcome=1
printf 'summary: %d passed, %d failed; %s\n' "$passed" "$failed" "$(sed -n 's/^\([0-9]* functions misused\)$/\1/p' "$work/c99.log")"
exit "$outcome"
