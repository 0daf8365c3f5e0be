#!/bin/bash
# kubeconfig.sh: prints the path of the kubeconfig that make up made, for use as
#   export KUBECONFIG=$(make -s kubeconfig)
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$scripts/target.sh"
if [ -n "${CONTEXT:-}" ]; then
	candidates=(given)
else
	candidates=("${CLUSTER:-local}")
	[ -n "${CLUSTER:-}" ] || candidates+=(kind)
fi
for cluster in "${candidates[@]}"; do
	path=$(kubeconfig_path)
	# The local one's file outlives a cluster that was killed.
	[ "$cluster" != local ] || alive || continue
	if [ -e "$path" ]; then
		echo "$path"
		exit
	fi
done
die "no cluster is running: make up"
