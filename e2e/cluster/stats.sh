#!/bin/bash
# stats.sh: processor time and memory of every part of the cluster so far.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
init=$(init_pid)
# shellcheck disable=SC2016 # expanded inside
nsenter -t "$init" -m -p -- bash -c '
	printf "%-24s %9s %9s\n" part "CPU s" "RSS MiB"
	for f in "$1"/run/*.pid; do
		p=$(cat "$f")
		[ -e "/proc/$p/stat" ] || continue
		cpu=$(sed "s/.*) //" "/proc/$p/stat" | cut -d" " -f12,13)
		part=$(basename "$f" .pid)
		awk -v part="$part" -v a="${cpu% *}" -v b="${cpu#* }" \
			"/VmRSS/ { printf \"%-24s %9.1f %9.0f\n\", part, (a + b) / 100, \$2 / 1024 }" "/proc/$p/status"
	done' - "$STATE"
du -sm "$STATE" | awk '{ print "disk: " $1 " MiB" }'
