#!/bin/bash
# down.sh: removes what up.sh made: the local cluster, the kind cluster, or with
# CONTEXT= the example and the operator, but not the CRD: others' Microservices
# would go with it. Built programs and images stay in the cache.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$scripts/target.sh"
if [ -n "${CONTEXT:-}" ]; then
	choose_cluster
	start_cluster
	if kubectl get crd microservices.microservice.dev >/dev/null 2>&1; then
		kubectl delete -f crds/examples/hello.yaml --ignore-not-found --wait
	fi
	helm uninstall "$release" -n "$namespace" --ignore-not-found --wait
	kubectl delete namespace "$namespace" --ignore-not-found
	say "kept: the CRD, and with it every other Microservice; kubectl delete crd microservices.microservice.dev removes them"
	rm -r "$(dirname "$KUBECONFIG")"
	exit
fi
if [ "${CLUSTER:-local}" = local ]; then
	if alive; then say "removing the local cluster in $STATE"; fi
	"$cluster_dir/down.sh"
fi
if [ "${CLUSTER:-kind}" = kind ] && has_kind && kind get clusters 2>/dev/null | grep -qx "$kind_name"; then
	kind delete cluster --name "$kind_name"
	rm -rf "$cache/clusters/kind"
fi
