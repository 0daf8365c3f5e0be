#!/bin/bash
# traffic.sh: a million requests while pods, nginx, configuration and operator
# change, and a table of what became of them (about 15 minutes). It fails when
# one is lost, and when none is lost without the steps that prevent it.
#
#   TABLE=FILE   also writes the table there (default: in the cache)
#   KEEP=1       leaves the cluster for a look when something failed
#
# The cluster is one of its own, removed in the end: the operator is stopped for
# the controls, and the load wants the machine for itself.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
STATE=${STATE:-${XDG_CACHE_HOME:-$HOME/.cache}/microservice-operator/clusters/traffic-$(printf %s "$here" | sha256sum | cut -c 1-8)}
table=$(realpath -m "${TABLE:-${XDG_CACHE_HOME:-$HOME/.cache}/microservice-operator/log/traffic.md}")
. "$here/lib.sh"
. "$scripts/target.sh"
cluster=local

started=
on_failure() {
	case $1 in operator | traffic) diagnose ;; esac
}
on_end() {
	[ -n "$started" ] || return 0
	if [ -n "${KEEP:-}" ] && alive; then
		say "kept: export KUBECONFIG=$STATE/kubeconfig; remove it with STATE=$STATE make down"
	else
		"$cluster_dir/down.sh"
	fi
}

phase "set-up"
"$scripts/setup.sh" build cluster
"$cluster_dir/down.sh"
started=1
ADDONS=coredns
export ADDONS
bring_up_operator operator service e2e-client
# The same service under another name is another image.
read -r _ next archive < <(TAG=next "$scripts/images.sh" service)
"$cluster_dir/load.sh" "$archive"
phase "traffic"
E2E_TRAFFIC_TABLE=$table E2E_NEXT_SERVICE_IMAGE=$next RUST_TEST_NOCAPTURE=1 run_e2e --test traffic
phase_end
say "the table: $table"
