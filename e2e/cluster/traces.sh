#!/bin/bash
# traces.sh record FILE: notes what the running cluster in STATE consists of.
# traces.sh find FILE:   prints every part of it that is still on this machine
#                        (processes, namespaces, mounts, cgroups, interfaces,
#                        the API server's port, STATE), one per line; nothing
#                        after down.sh, or else down.sh is wrong.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
[ $# = 2 ] || die "usage: traces.sh record|find FILE"
file=$2

# processes: of the cluster's cgroups, as the host numbers them.
processes() {
	local dir
	while read -r dir; do find "$dir" -name cgroup.procs -exec cat {} + 2>/dev/null || :; done <"$STATE/cgroups" | sort -un
}
interfaces() { ip -o link | awk -F': ' '{ print $2 }'; }

case $1 in
record)
	alive || die "no cluster is running in $STATE"
	own=$(readlink /proc/self/ns/net)
	{
		awk -v ticks="$(getconf CLK_TCK)" '{ printf "time %d\n", $1 * ticks }' /proc/uptime
		echo "state $STATE"
		sed -n 's#.*server: "https://\([^"]*\)".*#port \1#p' "$STATE/kubeconfig"
		sed 's/^/cgroup /' "$STATE/cgroups"
		processes | while read -r pid; do
			# The time makes a number that was given again another process.
			start=$(start_time "$pid")
			[ -n "$start" ] || continue
			echo "process $pid $start $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | cut -c 1-60)"
		done
		processes | while read -r pid; do readlink "/proc/$pid/ns/net" 2>/dev/null || :; done | sort -u | grep -vxF "$own" | sed 's/^/netns /'
		interfaces | sed 's/^/known-interface /'
	} >"$file"
	;;
find)
	# A namespace's number is given again as well: only processes count that
	# were there when the cluster was.
	recorded=$(awk '$1 == "time" { print $2 }' "$file")
	netns=$(for process in /proc/[0-9]*; do
		start=$(start_time "${process#/proc/}")
		[ -z "$start" ] || [ "$start" -gt "$recorded" ] || readlink "$process/ns/net" 2>/dev/null || :
	done | sort -u)
	while read -r kind value rest; do
		case $kind in
		state) if [ -e "$value" ]; then echo "$kind $value"; fi ;;
		port) if (exec 3<>"/dev/tcp/${value/://}") 2>/dev/null; then echo "$kind $value"; fi ;;
		cgroup) if [ -e "$value" ]; then echo "$kind $value"; fi ;;
		process) if [ "$(start_time "$value")" = "${rest%% *}" ]; then echo "$kind $value $rest"; fi ;;
		netns) if grep -qxF "$value" <<<"$netns"; then echo "$kind $value"; fi ;;
		esac
	done <"$file"
	while read -r interface; do
		grep -qxF "known-interface $interface" "$file" || echo "interface $interface"
	done < <(interfaces)
	grep -F "$STATE" /proc/self/mountinfo | sed 's/^/mount /' || :
	;;
*) die "usage: traces.sh record|find FILE" ;;
esac
