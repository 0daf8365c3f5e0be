#!/bin/bash
# test-down.sh: proves that the local cluster in STATE, with all that runs in
# it, leaves nothing on the machine: after down.sh, and after kill -9 of its
# outermost process, down.sh or a new up.sh.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
work=$(mktemp -d)
on_end() {
	"$cluster_dir/down.sh"
	rm -rf "$work"
}

record() {
	"$cluster_dir/traces.sh" record "$work/traces"
	# A search that finds nothing of a running cluster proves nothing.
	local kind
	for kind in state port cgroup process netns; do
		"$cluster_dir/traces.sh" find "$work/traces" | grep "^$kind " >/dev/null || die "the search for traces is blind to $kind"
	done
	say "running: $(cut -d' ' -f1 "$work/traces" | grep -v 'known\|time' | sort | uniq -c | awk '{ printf "%s%d %s", between, $1, $2; between = ", " }')"
}
# nothing [KIND...]: no trace but those of the KINDs, at the latest in 10 s.
nothing() {
	local kinds pattern end=$((SECONDS + 10)) found
	kinds=$*
	pattern="^(${kinds// /|}) "
	while found=$("$cluster_dir/traces.sh" find "$work/traces" | if [ -n "$kinds" ]; then grep -Ev "$pattern"; else cat; fi); [ -n "$found" ]; do
		[ $SECONDS -lt $end ] || die "left on this machine:"$'\n'"$found"
		sleep 0.1
	done
}
kill_outermost() {
	local pid
	read -r pid _ <"$STATE/pid"
	kill -9 "$pid"
}

record
"$cluster_dir/down.sh"
nothing
say "down: nothing is left"

ADDONS=coredns "$cluster_dir/up.sh"
record
kill_outermost
# Groups and files need somebody to remove them; whatever ran or was mounted does not.
nothing cgroup state
say "kill -9: no process, network, mount or port is left"
ADDONS='' "$cluster_dir/up.sh"
say "kill -9, up: it runs again"
record
kill_outermost
"$cluster_dir/down.sh"
nothing
say "kill -9, down: nothing is left"
