#!/bin/bash
# preflight.sh: can a cluster run on this machine? Names every obstacle with its
# remedy and fails, or says nothing. "preflight.sh --rights" leaves out what can
# be installed; "preflight.sh --packages" prints just that: the Debian packages
# that are missing, with the reason, one per line.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
other='or use another cluster: kind (install Docker and kind), or CONTEXT=<a context of your kubeconfig>'

# One command of each package. By command and not by package: a containerd from
# elsewhere serves as well, and Debian's would not install beside it.
commands=(
	"containerd containerd runs the pods"
	"ctr containerd loads images into the node"
	"runc runc starts the containers"
	"nft nftables kube-proxy's rules"
	"iptables iptables host ports and the pods' masquerading"
	"conntrack conntrack kube-proxy's connections"
	"ip iproute2 the node's network"
	"nsenter util-linux the node's namespaces"
	"curl curl waits for the API server"
	"jq jq makes images, reads the API's answers"
	"openssl openssl the cluster's keys and certificates"
)
missing() {
	local line command package reason
	for line in "${commands[@]}"; do
		read -r command package reason <<<"$line"
		command -v "$command" >/dev/null || echo "$package ($reason)"
	done
	[ -n "$(cni_dir)" ] || echo "containernetworking-plugins (the pods' network)"
}
if [ "${1:-}" = --packages ]; then
	missing
	exit
fi

problems=()
problem() { problems+=("$*"); }
has_capability() { # has_capability BIT
	local effective
	effective=$(awk '/^CapEff/ { print $2 }' /proc/self/status)
	[ $(((16#$effective >> $1) & 1)) = 1 ]
}
if [ "$(uname -s)" != Linux ]; then problem "the local cluster needs Linux: $other"; fi
if [ "$(id -u)" != 0 ]; then
	problem "the local cluster needs root, for namespaces, mounts and cgroups of its own: sudo -E make up, $other"
else
	has_capability 21 || problem "root lacks CAP_SYS_ADMIN here, for namespaces and mounts: start this container with --cap-add SYS_ADMIN (or --privileged), $other"
	has_capability 12 || problem "root lacks CAP_NET_ADMIN here, for the cluster's network: start this container with --cap-add NET_ADMIN (or --privileged), $other"
fi
mounts=$(cat /proc/self/mountinfo)
for controller in cpu cpuset memory pids; do
	if ! grep -q " - cgroup [^ ]* [^ ]*\b$controller\b" <<<"$mounts"; then
		problem "the local cluster needs cgroup v1, and the controller $controller is not mounted as such (this machine has cgroup v2 only, or hides it): boot with systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller, $other"
		break
	fi
done
if [ "${1:-}" != --rights ]; then
	while read -r package; do
		problem "missing: $package; apt-get install ${package%% *}"
	done < <(missing)
fi
if [ ${#problems[@]} != 0 ]; then
	printf 'no local cluster on this machine: %s\n' "${problems[@]}" >&2
	exit 1
fi
