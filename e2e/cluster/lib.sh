# shellcheck shell=bash disable=SC2034 # used by those who source this
# Shared by the scripts of this directory and of ../scripts; sourced.

cluster_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Everything that is built, outside the tree: a clone stays clean, and a second
# clone does not build again.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/microservice-operator

# The directory with every file of a cluster. Not below XDG_RUNTIME_DIR: that is
# another one in the next login or in cron, and often too small for the images.
STATE=$(realpath -m "${STATE:-$cache/clusters/${own_cluster:-default}}")
export STATE

say() { printf '%s\n' "$*" >&2; }
die() {
	say "$(basename "$0"): $*"
	exit 1
}

now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }'; }

# progress LABEL LOG COMMAND...: runs a long command with its output in LOG and
# says every few seconds that it is alive and what it said last.
progress() {
	local label=$1 log=$2 began=$SECONDS every=60 code=0 ticker never
	shift 2
	if [ -t 2 ]; then every=15; fi
	mkdir -p "$(dirname "$log")"
	: >"$log"
	say "$label ..."
	# "read" from a pipe that never speaks instead of "sleep": no process is left
	# to hold the caller's pipe open. It ends with the script, however that ends.
	(
		exec {never}<> <(:)
		while ! read -rt "$every" -u "$never" && [ -d "/proc/$$" ]; do
			say "$(printf '%s ... %d s  %s' "$label" $((SECONDS - began)) "$(tail -n 1 "$log" | cut -c 1-70)")"
		done
	) &
	ticker=$!
	"$@" >"$log" 2>&1 || code=$?
	kill "$ticker" 2>/dev/null || :
	wait "$ticker" 2>/dev/null || :
	if [ "$code" != 0 ]; then
		tail -n 40 "$log" >&2
		say "$label: failed with $code after $((SECONDS - began)) s; all of its output: $log"
		return "$code"
	fi
	say "$label: $((SECONDS - began)) s"
}

# prune DIR NAME: of the entries DIR/NAME-HASH* the three used last stay, so
# that changing branches and back builds nothing.
prune() {
	find "$1" -mindepth 1 -maxdepth 1 -regex ".*/$2-[0-9a-f]+\(\.[a-z.]*\)?" -printf '%T@ %p\n' |
		sort -rn | tail -n +4 | cut -d' ' -f2- | xargs -r -d '\n' rm -rf
}

# start_time PID: tells a process from a later one with the same number; nothing
# for one that has ended and waits for its parent to notice.
start_time() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 !~ /[ZX]/ { print $20 }'; }

# alive: is the cluster's outermost process ours and running?
alive() {
	local pid start
	[ -e "$STATE/pid" ] && read -r pid start <"$STATE/pid" && [ -n "$start" ] && [ "$(start_time "$pid")" = "$start" ]
}

# init_pid: the first process inside the cluster's namespaces.
init_pid() {
	local pid
	alive || { say "no cluster is running in $STATE (make up, or make cluster)"; return 1; }
	read -r pid _ <"$STATE/pid"
	tr -d ' ' <"/proc/$pid/task/$pid/children"
}

# use_cluster: the environment of the cluster's clients.
use_cluster() {
	export KUBECONFIG=$STATE/kubeconfig
	# kubectl keeps what a server offers by address and port: without a cache of
	# its own the next cluster on the same port would get this one's kinds.
	export KUBECACHEDIR=$STATE/kubectl-cache
}
kubectl() { "$STATE/bin/kubectl" "$@"; }

free_port() {
	local p
	for p in $(shuf -i 20000-29999 -n 100); do
		(exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || { echo "$p"; return; }
	done
	return 1
}

# cgroup_name: of the group that one cluster makes in every hierarchy.
cgroup_name() { echo "local-cluster-$(printf %s "$STATE" | sha256sum | cut -c 1-10)"; }

# own_cgroups: directory of this process in every mounted cgroup v1 hierarchy.
own_cgroups() {
	local controllers path root mount
	while IFS=: read -r _ controllers path; do
		[ -n "$controllers" ] || continue
		while read -r _ _ _ root mount _; do
			case $mount in
			*/"${controllers#name=}") printf '%s\n' "$mount/${path#"$root"}" | sed 's#//*#/#g; s#/$##' ;;
			esac
		done < <(grep ' - cgroup ' /proc/self/mountinfo)
	done </proc/self/cgroup
}

# cni_dir: where the plugins that make pods' networks are.
cni_dir() {
	local dir
	for dir in /usr/lib/cni /opt/cni/bin /usr/libexec/cni; do
		if [ -x "$dir/ptp" ] && [ -x "$dir/host-local" ] && [ -x "$dir/portmap" ]; then
			echo "$dir"
			return
		fi
	done
}
