#!/bin/bash
# check.sh [CHECK...]: proves, one check after the other, what the e2e tests
# need of the running cluster in STATE. Without arguments all but "autoscale",
# which wants metrics-server (ADDONS) and takes a minute.
# shellcheck disable=SC2016,SC2317 # text for jq and other shells; called by name
set -uo pipefail
. "$(dirname "$0")/lib.sh"
checks=(dns outside registry nginx security logs_exec port_forward rollout sidecar resize oom crd policy apply token ports prometheus helm)
if [ $# -gt 0 ]; then checks=("$@"); fi
ns=check-$RANDOM
manifests=$cluster_dir/check
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

k() { kubectl -n "$ns" "$@"; }
inside() { "$cluster_dir/exec.sh" "$@"; }
has() { # has TEXT: does standard input hold it? (not grep -q: that ends before its writer)
	grep -- "$1" >/dev/null || {
		echo "    expected: $1"
		return 1
	}
}
refused() { # refused TEXT COMMAND...: the command must fail and say TEXT
	local text=$1 out
	shift
	if out=$("$@" 2>&1); then
		echo "    not refused: $*"
		return 1
	fi
	has "$text" <<<"$out" || {
		echo "    said: $out"
		return 1
	}
}
# q EXPRESSION OBJECT...: is it true of the object?
q() { k get "${@:2}" -o json | jq -e "$1"; }
wait_for() { # wait_for SECONDS COMMAND...
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || {
			echo "    not in time: $*"
			return 1
		}
		sleep 0.2
	done
}

dns() {
	k exec client -- testapp resolve "web.$ns.svc.cluster.local" | has "$(k get service web -o jsonpath='{.spec.clusterIP}')" &&
		k exec client -- testapp get http://web/ | has web-
}
outside() { # no route: refused at once, not after a time-out
	refused 'network is unreachable' k exec client -- testapp get http://192.0.2.1/
}
nginx() { # the proxy's image, under its short name, as the operator runs it
	k apply -f "$manifests/nginx.yaml" >/dev/null &&
		k wait --for condition=Ready pod/nginx --timeout 30s >/dev/null &&
		k exec client -- testapp get "http://$(k get pod nginx -o jsonpath='{.status.podIP}'):8080/" | has 'nginx 1.30' || return 1
	k exec nginx -- nginx -t 2>&1 | has 'test is successful' || return 1
	# Its stop signal is SIGQUIT: it ends gracefully, and says which one came.
	k logs -f nginx >"$work/nginx.txt" 2>&1 &
	k delete pod nginx >/dev/null
	wait $! 2>/dev/null
	has 'signal 3 (SIGQUIT) received' <"$work/nginx.txt"
}
registry() {
	k run missing --image localhost/no-such-image:1 --restart Never >/dev/null &&
		wait_for 20 q '.status.containerStatuses[0].state.waiting.reason | test("ErrImagePull|ImagePullBackOff")' pod missing &&
		k delete pod missing --now >/dev/null
}
security() {
	k create namespace "$ns-restricted" >/dev/null
	k label namespace "$ns-restricted" pod-security.kubernetes.io/enforce=restricted >/dev/null
	refused 'violates PodSecurity' k -n "$ns-restricted" run bad --image localhost/testapp:1 &&
		k -n "$ns-restricted" apply -f "$manifests/web.yaml" >/dev/null 2>&1 # its second pod, "client", is refused
	k -n "$ns-restricted" rollout status deployment/web --timeout 60s >/dev/null
	local r=$?
	k delete namespace "$ns-restricted" --wait=false >/dev/null 2>&1
	return $r
}
logs_exec() {
	k logs deployment/web --all-pods --prefix | has 'listening on' &&
		k exec client -- testapp resolve localhost | has 127.0.0.1 &&
		echo hello | k exec -i client -- testapp get http://web/ | has web- &&
		refused 'not found' k logs no-such-pod
}
port_forward() {
	local port pid r
	port=$(free_port)
	k port-forward service/web "$port:80" >/dev/null 2>&1 &
	pid=$!
	wait_for 10 curl -sf "http://127.0.0.1:$port/" && curl -sf "http://127.0.0.1:$port/metrics" | has testapp_requests_total
	r=$?
	kill $pid
	wait $pid 2>/dev/null
	return $r
}
rollout() { # no request may fail while every pod is replaced
	local before after url pid failed
	url=http://$(k get service web -o jsonpath='{.spec.clusterIP}')/
	before=$(k get pods -l app=web -o jsonpath='{.items[*].metadata.uid}')
	"$cluster_dir/exec.sh" bash -c 'while :; do echo $(curl -s -o /dev/null -w "%{http_code}" -m 2 '"$url"'); done' >"$work/rollout.txt" &
	pid=$!
	k rollout restart deployment/web >/dev/null && k rollout status deployment/web --timeout 60s >/dev/null || return 1
	wait_for 30 q '.items | length == 2' pods -l app=web
	kill $pid
	wait $pid 2>/dev/null
	after=$(k get pods -l app=web -o jsonpath='{.items[*].metadata.uid}')
	failed=$(grep -cv '^200$' "$work/rollout.txt")
	echo "    $(wc -l <"$work/rollout.txt") requests, $failed failed"
	[ "$before" != "$after" ] && [ "$failed" = 0 ]
}
sidecar() { # preStop, then SIGTERM with 3 s of work; the sidecar ends last
	k apply -f "$manifests/sidecar.yaml" >/dev/null && k wait --for condition=Ready pod/sidecar --timeout 30s >/dev/null || return 1
	k logs -f sidecar -c main --timestamps >"$work/main.txt" & k logs -f sidecar -c proxy --timestamps >"$work/proxy.txt" &
	local began
	began=$(now)
	k delete pod sidecar >/dev/null
	printf '    deleted after %.1f s\n' "$(since "$began")"
	wait %1 %2 2>/dev/null
	[[ $(awk '/SIGTERM/ {print $1}' "$work/main.txt") < $(awk '/SIGTERM/ {print $1}' "$work/proxy.txt") ]] && has ' end' <"$work/main.txt" &&
		awk -v s="$(since "$began")" 'BEGIN { exit !(s >= 4.5 && s < 15) }'
}
resize() { # in place: the container must not restart
	local pod
	pod=$(k get pods -l app=web -o name | head -1)
	k patch "$pod" --subresource resize -p '{"spec":{"containers":[{"name":"web","resources":{"requests":{"cpu":"200m"},"limits":{"memory":"96Mi"}}}]}}' >/dev/null || return 1
	wait_for 20 q '.status.containerStatuses[0] | .resources.limits.memory == "96Mi" and .restartCount == 0' "$pod"
	local r=$?
	k get "$pod" -o json | jq -c '"    \(.status.conditions | map(select(.type | test("Resize"))))", .status.containerStatuses[0].resources'
	return $r
}
oom() {
	k run oom --image localhost/testapp:1 --restart Never --overrides '{"spec":{"containers":[{"name":"oom","image":"localhost/testapp:1","args":["eat"],"resources":{"limits":{"memory":"32Mi"}}}]}}' >/dev/null
	wait_for 30 q '.status.containerStatuses[0].state.terminated.reason == "OOMKilled"' pod oom
}
widget() { jq -n --argjson spec "$1" '{apiVersion: "example.test/v1", kind: "Widget", metadata: {name: "a"}, spec: $spec}'; }
crd() {
	k apply -f "$manifests/crd.yaml" >/dev/null && k wait --for condition=Established crd/widgets.example.test --timeout 10s >/dev/null || return 1
	wait_for 10 k get widgets
	widget '{"min":2,"max":1}' | refused 'min must not exceed max' k apply -f - &&
		widget '{"min":2,"max":3}' | k apply -f - >/dev/null &&
		widget '{"min":1,"max":3}' | refused 'min may only grow' k apply -f -
}
policy() {
	k apply -f "$manifests/policy.yaml" >/dev/null
	k label namespace "$ns" few=yes >/dev/null
	many() { k create deployment many --image localhost/testapp:1 --replicas 6 --dry-run=server; }
	wait_for 10 eval '! many' # a policy takes effect a moment after it is made
	refused 'at most 5 replicas' many &&
		k create deployment few --image localhost/testapp:1 --replicas 5 --dry-run=server >/dev/null
}
apply() { # two owners of one field
	local m='{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"shared"},"data":{"a":"VALUE"}}'
	k apply --server-side --field-manager one -f - <<<"${m/VALUE/1}" >/dev/null &&
		refused 'conflict' k apply --server-side --field-manager two -f - <<<"${m/VALUE/2}" &&
		k apply --server-side --field-manager two --force-conflicts -f - <<<"${m/VALUE/2}" >/dev/null &&
		k get configmap shared -o json --show-managed-fields | jq -r '.metadata.managedFields[].manager' | has two
}
token() { # TokenRequest, used against the API with the account's own rights
	local t
	t=$(k create token default --duration 10m) || return 1
	local server
	server=$(k config view -o jsonpath='{.clusters[0].cluster.server}')
	curl -s --cacert "$STATE/pki/ca.crt" -H "Authorization: Bearer $t" "$server/api/v1/namespaces/$ns/pods" |
		has "system:serviceaccount:$ns:default" &&
		k create rolebinding view --clusterrole view --serviceaccount "$ns:default" >/dev/null &&
		wait_for 5 curl -sf --cacert "$STATE/pki/ca.crt" -H "Authorization: Bearer $t" "$server/api/v1/namespaces/$ns/pods"
}
ports() { # node port and host port, from the cluster's network
	k expose deployment web --name node-port --type NodePort --port 80 --target-port 8080 >/dev/null
	k run host-port --image localhost/testapp:1 --port 8080 --overrides '{"spec":{"containers":[{"name":"host-port","image":"localhost/testapp:1","args":["serve"],"ports":[{"containerPort":8080,"hostPort":18080}]}]}}' >/dev/null
	k wait --for condition=Ready pod/host-port --timeout 20s >/dev/null
	local p
	p=$(k get service node-port -o jsonpath='{.spec.ports[0].nodePort}')
	wait_for 10 inside curl -sf -m 2 "http://10.200.0.1:$p/" && wait_for 10 inside curl -sf -m 2 http://10.200.0.1:18080/
}
autoscale() {
	local began url pids=() r=0
	k scale deployment/web --replicas 1 >/dev/null
	k apply -f "$manifests/hpa.yaml" >/dev/null
	url=http://$(k get service web -o jsonpath='{.spec.clusterIP}')
	wait_for 60 q '.status.currentMetrics[0].resource.current.averageUtilization != null' hpa web || return 1
	began=$(now)
	"$cluster_dir/exec.sh" bash -c "while :; do curl -s -m 5 $url/burn?ms=150; sleep 0.1; done" &
	pids+=($!)
	"$cluster_dir/exec.sh" bash -c "while :; do curl -s -m 5 $url/burn?ms=150; sleep 0.1; done" &
	pids+=($!)
	wait_for 90 q '.status.availableReplicas >= 3' deployment web || r=1
	printf '    up to %s after %.0f s\n' "$(k get deployment web -o jsonpath='{.status.availableReplicas}')" "$(since "$began")"
	kill "${pids[@]}"
	wait "${pids[@]}" 2>/dev/null
	began=$(now)
	wait_for 120 q '.spec.replicas == 1' deployment web || r=1
	printf '    down to %s after %.0f s\n' "$(k get deployment web -o jsonpath='{.spec.replicas}')" "$(since "$began")"
	k delete hpa web >/dev/null
	return $r
}
prometheus() {
	local port pid r
	k apply -f "$manifests/monitor.yaml" >/dev/null
	port=$(free_port)
	k port-forward -n monitoring service/prometheus-operated "$port:9090" >/dev/null 2>&1 &
	pid=$!
	sample() {
		# Its configuration is a Secret, which the kubelet looks at once a minute,
		# but at once when the pod itself has changed.
		kubectl annotate -n monitoring pod prometheus-main-0 --overwrite "check=$(now)" >/dev/null
		curl -sfg "http://127.0.0.1:$port/api/v1/query?query=testapp_requests_total{namespace=\"$ns\"}" | grep '"result":\[{'
	}
	wait_for 90 sample
	r=$?
	sample | jq -c '.data.result[0]' | sed 's/^/    /'
	kill $pid
	wait $pid 2>/dev/null
	return $r
}
helm() {
	local dir=$work/helm
	mkdir "$dir"
	export HELM_CACHE_HOME=$dir HELM_CONFIG_HOME=$dir HELM_DATA_HOME=$dir
	"$STATE/bin/helm" create "$dir/demo" >/dev/null &&
		"$STATE/bin/helm" install demo "$dir/demo" -n "$ns" --set image.repository=localhost/testapp,image.tag=1,service.port=8080 --wait --timeout 30s >/dev/null &&
		"$STATE/bin/helm" uninstall demo -n "$ns" >/dev/null
}

alive || die "no cluster is running in $STATE (make cluster)"
use_cluster
# shellcheck disable=SC2046 # paths of our own, without blanks
"$cluster_dir/load.sh" $("$cluster_dir/images.sh" testapp nginx) || exit 1
k create namespace "$ns" >/dev/null && k apply -f "$manifests/web.yaml" >/dev/null || exit 1
k rollout status deployment/web --timeout 60s >/dev/null && k wait --for condition=Ready pod/client --timeout 30s >/dev/null || exit 1
failures=0
for check in "${checks[@]}"; do
	began=$(now)
	if "$check"; then
		result=ok
	else
		result=FAILED
		failures=$((failures + 1))
	fi
	printf '%-8s %-14s %5.1f s\n' $result "$check" "$(since "$began")"
done
k delete namespace "$ns" --wait=false >/dev/null 2>&1
k delete --ignore-not-found -f "$manifests/crd.yaml" -f "$manifests/policy.yaml" >/dev/null 2>&1
[ $failures = 0 ] || die "$failures of ${#checks[@]} checks failed"
