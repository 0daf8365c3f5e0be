#!/bin/bash
# bench-smoke.sh: a table of the few numbers that the project cares about, from
# the cluster of make up. It asserts nothing: they vary with the machine.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$scripts/target.sh"
runs=${RUNS:-5}

choose_cluster
"$scripts/setup.sh" build
build_images operator service
start_cluster
load_images
install_chart
name=bench-$RANDOM
on_end() { kubectl delete microservice "$name" --ignore-not-found --wait=false >/dev/null 2>&1; }

rss() { # rss NAMESPACE POD PORT: MiB, as the process itself says
	kubectl get --raw "/api/v1/namespaces/$1/pods/$2:$3/proxy/metrics" 2>/dev/null |
		awk '$1 == "process_resident_memory_bytes" { printf "%.1f", $2 / 1048576; found = 1 } END { if (!found) printf "not said" }'
}
row() { printf '| %-44s | %12s | %8s |\n' "$@"; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

times=
for _ in $(seq "$runs"); do
	began=$(now)
	jq -n --arg name "$name" '{apiVersion: "microservice.dev/v1alpha1", kind: "Microservice", metadata: {name: $name}, spec: {}}' |
		kubectl apply -f - >/dev/null
	kubectl wait --for=condition=Ready "microservice/$name" --timeout=60s >/dev/null
	times="$times $(since "$began")"
	pod=$(kubectl get pods -l "microservice.dev/name=$name" -o jsonpath='{.items[0].metadata.name}')
	service_rss=$(rss default "$pod" 9090)
	kubectl delete microservice "$name" --wait >/dev/null
done
# The one that works: a standby has less to remember.
operator=$(kubectl get lease -n "$namespace" "$release" -o jsonpath='{.spec.holderIdentity}')
operator=${operator%%_*}
built=$CARGO_TARGET_DIR/$(uname -m)-unknown-linux-gnu/release
size() { if [ -e "$1" ]; then stat -c %s "$1" | awk '{ printf "%.1f", $1 / 1000000 }'; else echo "not built"; fi; }

row "" measured "at most"
row -------------------------------------------- -----------: -------:
row "kubectl apply to Ready, s, median of $runs" "$(tr ' ' '\n' <<<"${times# }" | median)" 5
row "the same, slowest" "$(tr ' ' '\n' <<<"${times# }" | sort -n | tail -n 1)" ""
row "operator, RSS at rest, MiB" "$(rss "$namespace" "$operator" 8080)" 20
row "service, RSS when ready, MiB" "$service_rss" 10
row "operator, program, MB" "$(size "$built/microservice-operator")" ""
row "service, program, MB" "$(size "$built/microservice")" 10
