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
# Before lib.sh goes to the repository.
table=${TABLE:+$(realpath -m "$TABLE")}
own_cluster=traffic
. "$(dirname "$0")/lib.sh"
. "$scripts/target.sh"
table=${table:-$cache/log/traffic.md}

phase "set-up"
"$scripts/setup.sh" build cluster
"$cluster_dir/down.sh"
ADDONS=coredns
export ADDONS
bring_up_operator operator service e2e-client
# The same service under another name is another image.
read -r _ next archive < <(TAG=next "$scripts/images.sh" service)
"$cluster_dir/load.sh" "$archive"
phase "traffic"
E2E_TRAFFIC_TABLE=$table E2E_NEXT_SERVICE_IMAGE=$next RUST_TEST_NOCAPTURE=1 run_e2e traffic
phase_end
say "the table: $table"
