#!/bin/bash
# fuzz.sh [PROFILE...]: schemathesis asks the service what its OpenAPI document
# allows and what it forbids. It fails on a 5xx, on an answer that the document
# does not have, and on bad input that is taken. Then every character there is,
# and requests of any bytes, go into the log: it fails on a line that is not one
# line of its format (service/tests/log_lines.rs, in short in the unit tests).
#
# PROFILE: what is served, without the log (default: each of them, and the log)
#
#   REQUESTS=N   at least so many for each profile and each format (default 5000)
#   SEED=N       as an earlier run said
set -euo pipefail
. "$(dirname "$0")/lib.sh"
profiles=("$@")
log=
if [ ${#profiles[@]} = 0 ]; then log=1 profiles=(message fibonacci catalog users regions roles directory quickstart all); fi
requests=${REQUESTS:-5000}
version=4.32.5
tool=$cache/bin/schemathesis-$version

phase "set-up"
"$scripts/setup.sh" build fuzz
if [ ! -x "$tool/bin/schemathesis" ]; then
	install_schemathesis() {
		rm -rf "$tool" && python3 -m venv "$tool" && "$tool/bin/pip" install --disable-pip-version-check "schemathesis==$version"
	}
	progress "installing schemathesis $version" "$cache/log/install-schemathesis.log" install_schemathesis
fi
build_programs

work=$(mktemp -d)
servers=()
on_end() {
	[ ${#servers[@]} = 0 ] || kill "${servers[@]}" 2>/dev/null
	rm -rf "$work"
}
# start PROFILE [NAME=VALUE...]: its address in $url.
start() {
	local profile=$1 log=$work/$1.log
	shift
	: >"$log"
	# Long lists would take the tool's time, not the service's.
	env CHASSIS_FIBONACCI__MAX_COUNT=500 CHASSIS_SERVER__LISTEN=http://127.0.0.1:0 \
		CHASSIS_SERVER__ADMIN=http://127.0.0.1:0 CHASSIS_PROFILE="$profile" PYMICRO_DATADIR="$work" "$@" \
		"$CARGO_TARGET_DIR/debug/microservice" serve >"$log" 2>&1 &
	servers+=($!)
	until url=$(sed -n 's/.* on \(http:[^,]*\), admin on .*/\1/p' "$log") && [ -n "$url" ]; do
		kill -0 "${servers[-1]}" 2>/dev/null || die "$(cat "$log")"
		read -rt 0.1 <> <(:) || true
	done
}
# start_all PROFILE: with those that it asks.
start_all() {
	local upstreams=()
	if [ "$1" = users ]; then
		start regions
		upstreams+=("CHASSIS_UPSTREAMS__REGIONS__URL=$url")
		start roles
		upstreams+=("CHASSIS_UPSTREAMS__ROLES__URL=$url")
	fi
	start "$1" "${upstreams[@]}"
}
stop_all() {
	kill "${servers[@]}"
	local server
	for server in "${servers[@]}"; do wait "$server" || die "the service did not end well"; done
	servers=()
}
for profile in "${profiles[@]}"; do
	phase "profile $profile"
	start_all "$profile"
	# The number it takes is one of examples for each operation, of which some have no more.
	operations=$(curl -sS "$url/openapi/v3.json" | jq '[.paths[] | keys[]] | length')
	# It keeps notes where it is started.
	(cd "$work" && "$tool/bin/schemathesis" --config-file "$scripts/schemathesis.toml" run "$url/openapi/v3.json" --phases examples,coverage,fuzzing,stateful \
		--max-examples $((requests * 3 / 2 / operations + 1)) ${SEED:+--seed "$SEED"} --generation-database none \
		--report json --report-json-path "$work/report.json") >"$work/out" 2>&1 ||
		{ cat "$work/out" >&2 && die "the profile $profile does not keep to its document"; }
	# jq would round it.
	seed=$(sed -n 's/.*"seed": \([0-9]*\).*/\1/p' "$work/report.json")
	made=$(jq .test_cases.generated "$work/report.json")
	say "$profile: $made requests to $operations operations, all answered as documented (seed $seed)"
	[ "$made" -ge "$requests" ] || die "only $made requests were made; raise --max-examples"
	stop_all
done
if [ -n "$log" ]; then
	phase "formats of the log"
	REQUESTS=$requests cargo test --locked --workspace --test log_lines -- --ignored --nocapture
fi
