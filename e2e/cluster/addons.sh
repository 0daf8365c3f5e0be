#!/bin/bash
# addons.sh NAME...: installs add-ons into the cluster and waits until they work.
# addons.sh --build NAME...: only makes their programs and images.
#
# NAME: coredns prometheus-operator metrics-server prometheus-adapter (which wants
#       prometheus-operator)
set -euo pipefail
. "$(dirname "$0")/lib.sh"

images_of() {
	case $1 in
	coredns | metrics-server | prometheus-adapter) "$cluster_dir/images.sh" "$1" ;;
	prometheus-operator) "$cluster_dir/images.sh" prometheus prometheus-operator prometheus-config-reloader ;;
	*) die "no add-on named $1" ;;
	esac
}
if [ "${1:-}" = --build ]; then
	shift
	for name; do images_of "$name" >/dev/null; done
	exit
fi

use_cluster
for name; do
	images=$(images_of "$name")
	# shellcheck disable=SC2086 # paths of our own, without blanks
	"$cluster_dir/load.sh" $images
	case $name in
	coredns)
		kubectl apply -f "$cluster_dir/addons/coredns.yaml"
		;;
	metrics-server)
		kubectl create secret tls metrics-server-tls -n kube-system --dry-run=client -o yaml \
			--cert="$STATE/pki/metrics-server.crt" --key="$STATE/pki/metrics-server.key" | kubectl apply -f -
		sed "s#@CA@#$(base64 -w0 <"$STATE/pki/ca.crt")#" "$cluster_dir/addons/metrics-server.yaml" | kubectl apply -f -
		;;
	prometheus-operator)
		# Too large for the annotation that a client-side apply would write.
		kubectl apply --server-side -f "$("$cluster_dir/build.sh" prometheus-operator)/crds/"
		kubectl wait --for condition=Established crd --all --timeout 30s
		kubectl apply -f "$cluster_dir/addons/prometheus-operator.yaml"
		;;
	prometheus-adapter) kubectl apply -f "$cluster_dir/addons/prometheus-adapter.yaml" ;;
	esac >>"$STATE/log/addons.log"
done
for name; do
	case $name in
	coredns) kubectl rollout status -n kube-system deployment/coredns --timeout 120s ;;
	metrics-server) kubectl wait --for condition=Available apiservice/v1beta1.metrics.k8s.io --timeout 120s ;;
	prometheus-adapter) kubectl wait --for condition=Available apiservice/v1beta1.custom.metrics.k8s.io --timeout 120s ;;
	prometheus-operator) kubectl wait --for condition=Available -n monitoring prometheus/main --timeout 120s ;;
	esac >>"$STATE/log/addons.log"
done
