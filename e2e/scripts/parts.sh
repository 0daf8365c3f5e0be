#!/bin/bash
# parts.sh PART...: the real programs that the service's tests talk to. What is
# missing is built or fetched once and kept in the cache. Prints one path per
# part, "-" for one that this machine cannot have, and says why.
#
# PART: statsd-exporter
set -euo pipefail
. "$(dirname "$0")/../cluster/lib.sh"

lacks() {
	say "parts: no $1: $2"
	echo -
}
for part; do
	case $part in
	statsd-exporter)
		if command -v go >/dev/null; then
			dir=$("$cluster_dir/build.sh" statsd-exporter)
			echo "$dir/statsd_exporter"
		else
			lacks "$part" "Go is missing, which it is built with (https://go.dev/dl)"
		fi
		;;
	*) die "no part named $part" ;;
	esac
done
