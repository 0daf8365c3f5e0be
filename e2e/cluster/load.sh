#!/bin/bash
# load.sh ARCHIVE...: imports image archives into the cluster's node. An image
# which is there already is not imported again.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
until [ -S "$STATE/run/containerd/containerd.sock" ]; do
	alive || die "no cluster is running in $STATE"
	sleep 0.1
done
init=$(init_pid)
mkdir -p "$STATE/loaded"
for archive; do
	# An archive's name holds the hash of its content.
	mark=$STATE/loaded/$(basename "$archive")
	[ ! -e "$mark" ] || continue
	# Through standard input: the node does not see the caller's files.
	nsenter -t "$init" -m -n ctr -n k8s.io images import --all-platforms - <"$archive" >>"$STATE/log/images.log" ||
		die "cannot import $archive"
	touch "$mark"
done
