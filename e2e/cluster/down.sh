#!/bin/bash
# down.sh: ends the cluster in STATE and removes all that it left: processes,
# cgroups and STATE itself (KEEP=1 keeps STATE, for its logs). May be run at any
# time, any number of times.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

if alive; then
	read -r pid _ <"$STATE/pid"
	# Its child, process 1 of the namespaces, dies with it, and with that all others.
	kill -9 "$pid"
	while alive; do sleep 0.05; done
fi
if [ -e "$STATE/cgroups" ]; then
	while read -r dir; do
		# A group can be removed when the kernel has reaped its last process.
		for _ in $(seq 100); do
			[ ! -d "$dir" ] || find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null || :
			[ -d "$dir" ] || break
			sleep 0.1
		done
		[ ! -d "$dir" ] || die "cannot remove $dir; its processes: $(tr '\n' ' ' <"$dir/cgroup.procs")"
	done <"$STATE/cgroups"
	rm "$STATE/cgroups"
fi
rm -f "$STATE/pid"
[ -z "${KEEP:-}" ] || exit 0
# Only what up.sh made: STATE could be any directory.
if [ -e "$STATE/pki" ] || [ -e "$STATE/programs" ]; then rm -rf --one-file-system "$STATE"; fi
