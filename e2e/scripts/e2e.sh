#!/bin/bash
# e2e.sh [NAME...]: the e2e tests alone, or those of a name, on the chosen cluster,
# which is started when it is not there and stays when they are done. For example
#   e2e/scripts/e2e.sh drift
#
#   CONTEXT=...            a context of your kubeconfig instead of kind or the local cluster
#   REGISTRY=... TAG=...   images that such a cluster can pull
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$scripts/target.sh"

export ADDONS=${ADDONS-$test_addons}

on_failure() {
	case $1 in operator | e2e) diagnose ;; esac
}

phase "set-up"
choose_cluster
case $cluster in
local) "$scripts/setup.sh" build servers cluster ;;
*) "$scripts/setup.sh" build ;;
esac
# shellcheck disable=SC2046 # names
bring_up_operator $(test_images)
phase "e2e"
run_e2e "$@"
