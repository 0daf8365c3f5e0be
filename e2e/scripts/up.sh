#!/bin/bash
# up.sh: from nothing to the answer of a Microservice. Chooses a cluster, builds
# the images, installs the operator with helm, applies the example and sends it
# a request. May be repeated: what is there already stays.
#
#   CONTEXT=...            a context of your kubeconfig instead of kind or the local cluster
#   REGISTRY=... TAG=...   images that such a cluster can pull
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$scripts/target.sh"

on_failure() {
	case $1 in operator | example | request) diagnose ;; esac
	say "make up may be repeated; make down removes everything"
}

phase "set-up"
choose_cluster
case $cluster in
local) "$scripts/setup.sh" build cluster ;;
kind) "$scripts/setup.sh" build ;;
esac
bring_up_operator operator service
phase "example"
kubectl apply -f crds/examples/hello.yaml >&2
kubectl wait --for=condition=Ready microservice/hello --timeout=120s >&2
phase "request"
answer=$("$scripts/request.sh" "${image[service]}" http://hello/microservice '{"hello":"world"}')
phase_table

# The user's kubectl if there is one, else the cluster's own.
path=
type -P kubectl >/dev/null || path=$(dirname "$KUBECTL")
cat <<END

POST /microservice through the Service and nginx:

  $answer

Now try:

  export KUBECONFIG=$KUBECONFIG${path:+ PATH=$path:\$PATH}
  kubectl get msvc
  kubectl get pods,services,configmaps,servicemonitors -l microservice.dev/name=hello
  kubectl patch msvc hello --type merge -p '{"spec":{"concurrency":8}}'    # restarts no pod
  kubectl scale msvc hello --replicas 3
  kubectl explain msvc.spec
END
if [ "$cluster" != given ]; then
	cat <<END
  kubectl port-forward -n monitoring service/prometheus-operated 9090      # then http://127.0.0.1:9090/api/v1/query?query=pymicro_req_total
END
fi
echo "  make down${CONTEXT:+ CONTEXT=$CONTEXT}"
