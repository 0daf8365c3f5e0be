#!/bin/bash
# up.sh: starts a cluster whose every file is in STATE and returns when it is
# ready. STATE/kubeconfig then works for any process on this machine. If it
# runs already, only what is missing is added.
# up.sh --build: only makes its programs and images.
#
#   STATE=DIR    see lib.sh
#   ADDONS=...   default: coredns prometheus-operator; also: metrics-server prometheus-adapter
#   PORT=N       port of the API server on 127.0.0.1 (default: any free one)
#   TIMEOUT=N    give up after N seconds (default 120)
set -euo pipefail
. "$(dirname "$0")/lib.sh"
read -ra addons <<<"${ADDONS-coredns prometheus-operator}"
node=node1 node_ip=10.200.0.1

"$cluster_dir/preflight.sh"
# First all that takes minutes when it was never built.
programs=$("$cluster_dir/build.sh" kubernetes)
helm=$("$cluster_dir/build.sh" helm)
pause=$("$cluster_dir/images.sh" pause)
for addon in "${addons[@]}"; do "$cluster_dir/addons.sh" --build "$addon"; done
[ "${1:-}" != --build ] || exit 0

began=$(now)
step() {
	local line
	line=$(printf '%6s s  %s' "$(since "$began")" "$1")
	say "$line"
	echo "$line" >>"$STATE/log/steps"
}
# api PATH: asks the API server as an administrator.
api() {
	curl -sf -m 2 --cacert "$STATE/pki/ca.crt" --cert "$STATE/pki/admin.crt" --key "$STATE/pki/admin.key" \
		"$(sed -n 's/.*server: "\([^"]*\)".*/\1/p' "$STATE/kubeconfig")$1"
}
# again SECONDS: sleeps; fails when the cluster has ended or takes too long.
limit=$((SECONDS + ${TIMEOUT:-120}))
again() {
	sleep "$1"
	alive || { tail -n 20 "$STATE/log/node.log" >&2; die "the cluster has ended, see $STATE/log"; }
	[ $SECONDS -lt "$limit" ] || die "not ready in time, see $STATE/log; after that: make down"
}

start() {
	"$cluster_dir/down.sh"
	mkdir -p "$STATE"/{bin,config,log,hold,etcd,run,var/lib/{containerd,kubelet,cni},var/log}
	local port=${PORT:-$(free_port)}
	"$cluster_dir/pki.sh" "$STATE" "https://127.0.0.1:$port" $node $node_ip
	ln -sf auth/admin "$STATE/kubeconfig"
	# Links where possible: clearing the cache takes nothing from a running cluster.
	cp -al "$programs"/. "$helm"/. "$STATE/bin/" 2>/dev/null || cp -a "$programs"/. "$helm"/. "$STATE/bin/"
	(cd "$cluster_dir/config" && find . -type f) | while read -r file; do
		mkdir -p "$STATE/config/$(dirname "$file")"
		sed "s#@STATE@#$STATE#g; s#@NODE@#$node#g; s#@CNI@#$(cni_dir)#g" "$cluster_dir/config/$file" >"$STATE/config/$file"
	done
	cp "$cluster_dir/node.sh" "$STATE/config/"
	echo "$programs" >"$STATE/programs"
	step "keys, certificates, configuration"

	# Every process of the cluster, pods included, stays below the caller's own
	# cgroups, in one group per cluster that down.sh can remove.
	local dir name
	name=$(cgroup_name)
	own_cgroups >"$STATE/cgroups.parents"
	while read -r dir; do
		echo "$dir/$name" >>"$STATE/cgroups"
		mkdir -p "$dir/$name"
		if [ -e "$dir/cpuset.cpus" ]; then
			cat "$dir/cpuset.cpus" >"$dir/$name/cpuset.cpus"
			cat "$dir/cpuset.mems" >"$dir/$name/cpuset.mems"
		fi
	done <"$STATE/cgroups.parents"

	(
		while read -r dir; do echo $BASHPID >"$dir/cgroup.procs"; done <"$STATE/cgroups"
		# No file of the caller's: the cluster must not hold a pipe of its open.
		# 9: this network namespace, for the relay to listen in.
		for fd in /proc/"$BASHPID"/fd/*; do
			fd=${fd##*/}
			[ "$fd" -le 2 ] || eval "exec $fd>&-"
		done
		exec 9</proc/self/ns/net </dev/null >"$STATE/log/node.log" 2>&1
		PORT=$port NODE=$node NODE_IP=$node_ip exec setsid \
			unshare --net --mount --pid --cgroup --uts --ipc --fork --kill-child --mount-proc \
			bash "$STATE/config/node.sh"
	) &
	local pid=$!
	echo "$pid $(start_time $pid)" >"$STATE/pid"

	"$cluster_dir/load.sh" "$pause"
	step "containerd ready, pause image imported"
	until api /readyz >/dev/null; do again 0.1; done
	step "API server ready"
	kubectl apply -f "$STATE/config/bootstrap.yaml" >/dev/null
	until api /api/v1/nodes | jq -e '[.items[].status.conditions[]? | select(.type == "Ready" and .status == "True")] | length == 1' >/dev/null; do
		again 0.2
	done
	until api /api/v1/namespaces/default/serviceaccounts/default >/dev/null; do again 0.1; done
	step "node Ready"
}

use_cluster
# One start of a cluster at a time.
mkdir -p "$cache/clusters"
exec {lock}>"$cache/clusters/.$(cgroup_name).lock"
flock "$lock"
if alive; then
	until api /readyz >/dev/null; do again 0.5; done
	[ "$(cat "$STATE/programs")" = "$programs" ] ||
		say "note: this cluster was started with other programs than would be used now; make down, then make up, changes them"
	say "the cluster in $STATE is running"
else
	start
fi
wanted=()
for addon in "${addons[@]}"; do
	[ -e "$STATE/addon-$addon" ] || wanted+=("$addon")
done
if [ ${#wanted[@]} != 0 ]; then
	"$cluster_dir/addons.sh" "${wanted[@]}"
	for addon in "${wanted[@]}"; do touch "$STATE/addon-$addon"; done
	step "${wanted[*]}: ready"
fi
