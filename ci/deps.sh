#!/usr/bin/env bash
# Installs what the tests need and this machine lacks, from Debian's packages; says what it does. Safe to repeat.
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

# install PACKAGE…: by apt-get, as root or through sudo.
install() {
    command -v apt-get >/dev/null || fail "apt-get is not here; install the equivalent of: $*"
    local as_root=()
    if [[ $(id -u) -ne 0 ]]; then
        command -v sudo >/dev/null || fail "neither root nor sudo; install as root: $*"
        as_root=(sudo)
    fi
    say "installing $*"
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

# present NAME COMMAND…: whether the command works, said either way.
present() {
    local name=$1
    shift
    if "$@" >/dev/null 2>&1; then
        say "$name is here"
    else
        say "$name is missing"
        return 1
    fi
}

can_compile_c() {
    echo '#include <stdio.h>
int main(void) { return puts("ok") < 0; }' | cc -xc - -o /dev/null
}

collectd_can_post() {
    test -x /usr/sbin/collectd && ! ldd /usr/lib/collectd/write_http.so | grep -q 'not found'
}

present "a Rust toolchain" cargo --version || fail "install a Rust toolchain first, with rustup for one"
present "git" git --version || install git
# SQLite is compiled in, and Rust links with cc.
present "a C compiler" can_compile_c || install gcc libc6-dev
# The tests of TLS make certificates and speak as clients do.
present "curl" curl --version || install curl
present "openssl" openssl version || install openssl
# Gnocchi, which ci/upstream.sh compares with, is installed into an environment of its own.
present "Python with venv" "${PYTHON:-python3}" -c 'import ensurepip, venv' || install python3 python3-venv
# ci/agents.sh lets it write; without what is only recommended, its plugin that posts JSON would lack libraries.
present "collectd" collectd_can_post || install collectd-core libyajl2 libcurl3-gnutls
