#!/bin/bash
# test.sh: everything. Ends at the first phase that fails, and names it. The
# cluster is one of its own, removed in the end: one of make up is not disturbed.
#
#   KEEP=1   leaves the cluster for a look when something failed
set -euo pipefail
own_cluster=test
. "$(dirname "$0")/lib.sh"
. "$scripts/target.sh"
export ADDONS=${ADDONS-$test_addons}
mkdir -p "$cache"
exec {lock}>"$cache/.test-$(basename "$STATE").lock"
flock -n "$lock" || die "another make test runs for this checkout"

phase "set-up"
"$scripts/setup.sh" build browser fuzz servers cluster
"$scripts/parts.sh" nginx oidc-provider postgres prometheus smtp statsd-exporter tor zipkin >/dev/null
# One of a test that was killed.
"$cluster_dir/down.sh"
phase "format"
cargo fmt --all --check
phase "clippy"
cargo clippy --locked --workspace --all-targets -- -D warnings
phase "unit, golden and fake API tests"
cargo test --locked --workspace
phase "requests made of the OpenAPI document"
REQUESTS=1000 "$scripts/fuzz.sh" all
phase "the real nginx takes our configurations"
"$scripts/nginx.sh"
phase "generated files are fresh"
"$scripts/generate.sh" --check
phase "dependencies (cargo deny)"
"$scripts/deny.sh"
phase "images"
# shellcheck disable=SC2046 # names
build_images $(test_images)
phase "cluster"
start_cluster
phase "chart"
"$scripts/chart.sh"
phase "cluster's own check"
"$cluster_dir/check.sh"
phase "load images"
load_images
phase "operator"
install_chart
phase "e2e"
run_e2e
phase "down leaves nothing"
"$scripts/test-down.sh"
phase_end
say "all passed"
