#!/bin/bash
# test.sh: everything. Ends at the first phase that fails, and names it. The
# cluster is one of its own, removed in the end: one of make up is not disturbed.
#
#   ONLY=NAME...   runs these parts alone, with what they need: format clippy unit
#                  fuzz nginx generated deny chart cluster e2e down, or e2e tests by
#                  a part of their names (drift, scale::, alone, traffic)
#   KEEP=1         leaves the cluster for a look when something failed
set -euo pipefail
own_cluster=test
. "$(dirname "$0")/lib.sh"
. "$scripts/target.sh"
export ADDONS=${ADDONS-$test_addons}
mkdir -p "$cache"
exec {lock}>"$cache/.test-$(basename "$STATE").lock"
flock -n "$lock" || die "another make test runs for this checkout"

read -ra only <<<"${ONLY:-}"
parts='format clippy unit fuzz nginx generated deny chart cluster e2e down'
e2e_names=()
for name in "${only[@]}"; do
	case " $parts " in *" $name "*) ;; *) e2e_names+=("$name") ;; esac
done
# wanted PART...: is one of them to be run?
wanted() {
	local part
	[ ${#only[@]} != 0 ] || return 0
	for part; do
		case " ${only[*]} " in *" $part "*) return 0 ;; esac
		[ "$part" != e2e ] || [ ${#e2e_names[@]} = 0 ] || return 0
	done
	return 1
}
# part NAME TITLE COMMAND...: a phase, where it is wanted.
part() {
	wanted "$1" || return 0
	phase "$2"
	"${@:3}"
}
servers_of_the_tests() {
	"$scripts/parts.sh" nginx oidc-provider pgbouncer postgres prometheus smtp statsd-exporter tor zipkin >/dev/null
}
requests() { REQUESTS=1000 "$scripts/fuzz.sh" all; }
# shellcheck disable=SC2046 # names
images() { build_images $(test_images); }

phase "set-up"
"$scripts/setup.sh" build browser fuzz servers cluster
if wanted cluster e2e down; then
	# One of a test that was killed.
	"$cluster_dir/down.sh"
	# What takes long when it was never built; cargo leaves a processor idle now and then.
	beside "the cluster's programs" nice "$cluster_dir/up.sh" --build
fi
part unit "servers of the tests" servers_of_the_tests
part format "format" cargo fmt --all --check
part clippy "clippy" cargo clippy --locked --workspace --all-targets -- -D warnings
part unit "unit, golden and fake API tests" cargo test --locked --workspace
part fuzz "requests made of the OpenAPI document" requests
part nginx "the real nginx takes our configurations" "$scripts/nginx.sh"
part generated "generated files are fresh" "$scripts/generate.sh" --check
part deny "dependencies (cargo deny)" "$scripts/deny.sh"
part e2e "images" images
if wanted cluster e2e down; then
	phase "cluster"
	beside_end
	start_cluster
fi
part chart "chart" "$scripts/chart.sh"
part cluster "cluster's own check" "$cluster_dir/check.sh"
part e2e "load images" load_images
part e2e "operator" install_chart
part e2e "e2e" run_e2e "${e2e_names[@]}"
part down "down leaves nothing" "$scripts/test-down.sh"
phase_end
say "all passed"
