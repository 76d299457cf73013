#!/usr/bin/env bash
# Real agents: Prometheus and collectd from Debian, and a sender of statsd, write to `gnocchetti serve`, and what it then has is
# compared with what they know themselves. The last line counts comparisons.
#
#   GNOCCHETTI_AGENT_SECONDS   how long they write [30]
#   PYTHON                     a Python, 3.9 or newer [python3]
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

folder=$PWD/target/agents
prometheus=$folder/unpacked/usr/bin/prometheus
run=$folder/run
mkdir -p "$folder"

# Unpacked, not installed: its package would start a service.
if [[ ! -x $prometheus ]]; then
    say "fetching Prometheus"
    fetch() { (cd "$folder" && rm -f prometheus_*.deb && apt-get download -qq prometheus 2>&1 | { grep -v unsandboxed || true; }); }
    if ! fetch; then
        # A machine may know of no packages yet.
        as_root=()
        [[ $(id -u) -eq 0 ]] || as_root=(sudo)
        "${as_root[@]}" apt-get update -qq
        fetch
    fi
    dpkg-deb --extract "$folder"/prometheus_*.deb "$folder/unpacked"
fi

say "building"
cargo build --locked --features cli,rest --bin gnocchetti

say "letting agents write"
rm -rf "$run"
mkdir "$run"
outcome=0
"${PYTHON:-python3}" tests/agents/run.py --command "$(built debug)" --prometheus "$prometheus" \
    --collectd /usr/sbin/collectd --folder "$run" --seconds "${GNOCCHETTI_AGENT_SECONDS:-30}" 2>&1 | tee "$folder/log" || outcome=$?

count=$(grep -Ex '[0-9]+ passed, [0-9]+ failed' "$folder/log") || fail "nothing was compared"
printf 'summary: %s\n%s\n' "$count" "$count"
exit "$outcome"
