#!/bin/bash
# The first process in the cluster's namespaces (started by up.sh): makes the
# node's file system and network, then starts and restarts the parts.
# Variables: STATE PORT NODE NODE_IP; file 9: the outer network namespace.
set -euo pipefail
cd /

# --- file system: the host's, read only, with fresh writable directories ---
hostname "$NODE"
mount -t tmpfs tmpfs /mnt
mkdir /mnt/state
mount --bind "$STATE" /mnt/state
# Pods reach host paths through the kubelet: let them change none of them.
mount -o remount,bind,ro /
for d in /tmp /var/tmp /var/lib; do mount -t tmpfs tmpfs "$d"; done
chmod 1777 /tmp /var/tmp
mkdir /var/lib/{containerd,kubelet,cni}
for d in run var/log var/lib/{containerd,kubelet,cni}; do mount --bind "/mnt/state/$d" "/$d"; done
# An overlay (the root of most containers) cannot be the upper layer of another:
# there the images and the pods' files are held in memory.
if [ "$(stat -f -c %T /mnt/state)" = overlayfs ]; then mount -t tmpfs tmpfs /var/lib/containerd; fi
mkdir -p "$STATE" # gone, if it was below one of these
mount --move /mnt/state "$STATE"
umount /mnt

# sysfs shows the network devices of the namespace it was mounted from; cgroup
# mounts show groups relative to the cgroup namespace they were made in.
hierarchies=$(grep ' - cgroup ' /proc/self/mountinfo | awk '{ print $5 }')
umount -R /sys
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /sys/fs/cgroup
for h in $hierarchies; do
	mkdir "$h"
	case ${h##*/} in
	systemd) mount -t cgroup -o none,name=systemd cgroup "$h" ;;
	*) mount -t cgroup -o "${h##*/}" cgroup "$h" ;;
	esac
done
mount -o remount,ro /sys/fs/cgroup
# Volumes with mountPropagation need shared mounts; unshare made them private,
# so nothing done here reaches the host.
mount --make-rshared /

# --- network: no way out, only the node's own address and the services ---
ip link set lo up
ip link add node0 type veth peer name node0peer
ip link set node0peer up
ip address add "$NODE_IP/24" dev node0
ip link set node0 up
ip route add 10.96.0.0/16 dev node0
echo 1 >/proc/sys/net/ipv4/ip_forward

# --- parts ---
run() { # run PART COMMAND...: restarts it for ever, except while STATE/hold/PART exists
	local part=$1
	shift
	(
		while :; do
			while [ -e "$STATE/hold/$part" ]; do sleep 0.1; done
			"$@" >>"$STATE/log/$part.log" 2>&1 9<&- &
			echo $! >"$STATE/run/$part.pid"
			code=0
			wait $! || code=$?
			echo "$(date +%T) $part ended with $code"
			sleep 0.3
		done
	) &
}
cluster=$STATE/bin/cluster
pki=$STATE/pki

run containerd containerd --config "$STATE/config/containerd.toml"

chmod 700 "$STATE/etcd"
# No fsync: survives the death of any process, not of the machine.
run etcd "$cluster" etcd --data-dir "$STATE/etcd" --unsafe-no-fsync --log-level warn \
	--quota-backend-bytes 4294967296 \
	--listen-client-urls https://127.0.0.1:2379 --advertise-client-urls https://127.0.0.1:2379 \
	--listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
	--initial-cluster default=http://127.0.0.1:2380 \
	--client-cert-auth --trusted-ca-file "$pki/etcd-ca.crt" --cert-file "$pki/etcd.crt" --key-file "$pki/etcd.key"

run kube-apiserver "$cluster" kube-apiserver --secure-port "$PORT" --bind-address 0.0.0.0 --advertise-address "$NODE_IP" \
	--etcd-servers https://127.0.0.1:2379 --etcd-cafile "$pki/etcd-ca.crt" \
	--etcd-certfile "$pki/apiserver-etcd-client.crt" --etcd-keyfile "$pki/apiserver-etcd-client.key" \
	--client-ca-file "$pki/ca.crt" --tls-cert-file "$pki/apiserver.crt" --tls-private-key-file "$pki/apiserver.key" \
	--kubelet-certificate-authority "$pki/ca.crt" --kubelet-preferred-address-types InternalIP \
	--kubelet-client-certificate "$pki/apiserver-kubelet-client.crt" \
	--kubelet-client-key "$pki/apiserver-kubelet-client.key" \
	--service-account-issuer https://kubernetes.default.svc.cluster.local \
	--service-account-key-file "$pki/sa.pub" --service-account-signing-key-file "$pki/sa.key" \
	--requestheader-client-ca-file "$pki/front-proxy-ca.crt" --requestheader-allowed-names front-proxy-client \
	--requestheader-username-headers X-Remote-User --requestheader-group-headers X-Remote-Group \
	--requestheader-extra-headers-prefix X-Remote-Extra- \
	--proxy-client-cert-file "$pki/front-proxy-client.crt" --proxy-client-key-file "$pki/front-proxy-client.key" \
	--service-cluster-ip-range 10.96.0.0/16 --authorization-mode Node,RBAC \
	--enable-admission-plugins NodeRestriction --allow-privileged=true \
	--max-requests-inflight 2000 --max-mutating-requests-inflight 1000

# From the caller's 127.0.0.1:PORT to the same address here: one kubeconfig
# serves both sides.
run relay "$cluster" relay -listen-netns "/proc/$$/fd/9" -listen "127.0.0.1:$PORT" -dial "127.0.0.1:$PORT"

until curl -sf -m 2 --cacert "$pki/ca.crt" --cert "$pki/admin.crt" --key "$pki/admin.key" \
	"https://127.0.0.1:$PORT/readyz" >/dev/null; do sleep 0.1; done

# The autoscaler's times are for tests: 15 s, 5 min, 5 min and 30 s by default.
auth=$STATE/auth/kube-controller-manager
run kube-controller-manager "$cluster" kube-controller-manager --kubeconfig "$auth" \
	--authentication-kubeconfig "$auth" --authorization-kubeconfig "$auth" --leader-elect=false \
	--use-service-account-credentials --service-account-private-key-file "$pki/sa.key" --root-ca-file "$pki/ca.crt" \
	--cluster-signing-cert-file "$pki/ca.crt" --cluster-signing-key-file "$pki/ca.key" \
	--client-ca-file "$pki/ca.crt" --requestheader-client-ca-file "$pki/front-proxy-ca.crt" \
	--kube-api-qps 1000 --kube-api-burst 2000 \
	--concurrent-deployment-syncs 20 --concurrent-replicaset-syncs 20 \
	--concurrent-service-endpoint-syncs 20 --concurrent-endpoint-syncs 20 \
	--horizontal-pod-autoscaler-sync-period 2s --horizontal-pod-autoscaler-downscale-stabilization 10s \
	--horizontal-pod-autoscaler-cpu-initialization-period 10s --horizontal-pod-autoscaler-initial-readiness-delay 2s

auth=$STATE/auth/kube-scheduler
run kube-scheduler "$cluster" kube-scheduler --config "$STATE/config/kube-scheduler.yaml" \
	--authentication-kubeconfig "$auth" --authorization-kubeconfig "$auth" \
	--client-ca-file "$pki/ca.crt" --requestheader-client-ca-file "$pki/front-proxy-ca.crt"

until [ -S /run/containerd/containerd.sock ]; do sleep 0.1; done
run kubelet "$cluster" kubelet --config "$STATE/config/kubelet.yaml" --kubeconfig "$STATE/auth/kubelet" \
	--hostname-override "$NODE" --node-ip "$NODE_IP" --cert-dir /var/lib/kubelet/pki
run kube-proxy "$cluster" kube-proxy --config "$STATE/config/kube-proxy.yaml"
wait
