#!/usr/bin/env bash
# The bench of the whole path at sizes that only show that it runs: every group must come to an end, and every answer it
# checks must be right. What the figures are matters in a full run: `cargo bench --bench whole_path`.
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

log=$(mktemp)
trap 'rm -f "$log"' EXIT

say "building the bench"
cargo bench --locked --bench whole_path --no-run

say "running it quickly"
outcome=0
timeout 120 cargo bench --locked --bench whole_path -- --quick | tee "$log" || outcome=$?

printf 'summary: %d figures measured\n' "$(grep -c '^figure: ' "$log" || true)"
exit "$outcome"
