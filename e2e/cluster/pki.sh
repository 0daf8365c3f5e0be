#!/bin/bash
# pki.sh DIR SERVER NODE NODE_IP: makes the cluster's keys and certificates in
# DIR/pki and one kubeconfig per client in DIR/auth.
set -euo pipefail
dir=$1 server=$2 node=$3 node_ip=$4
umask 077
mkdir -p "$dir/pki" "$dir/auth"
cd "$dir/pki"

printf '[req]\ndistinguished_name=dn\n[dn]\n' >openssl.cnf
new() { # new FILE SUBJECT OPENSSL_ARGUMENT...
	local file=$1 subject=$2; shift 2
	openssl req -config openssl.cnf -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
		-days 3650 -keyout "$file.key" -out "$file.crt" -subj "$subject" "$@" 2>>openssl.log
}
ca() { # ca FILE SUBJECT
	new "$1" "$2" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature
}
leaf() { # leaf CA FILE SUBJECT USAGE [SAN]
	new "$2" "$3" -CA "$1.crt" -CAkey "$1.key" -addext basicConstraints=critical,CA:FALSE \
		-addext keyUsage=critical,digitalSignature -addext "extendedKeyUsage=$4" ${5:+-addext "subjectAltName=$5"}
}
kubeconfig() { # kubeconfig FILE CERTIFICATE
	cat >"$1" <<END
apiVersion: v1
kind: Config
current-context: local
contexts: [{name: local, context: {cluster: local, user: local}}]
clusters: [{name: local, cluster: {server: "$server", certificate-authority-data: $(base64 -w0 <ca.crt)}}]
users: [{name: local, user: {client-certificate-data: $(base64 -w0 <"$2.crt"), client-key-data: $(base64 -w0 <"$2.key")}}]
END
}

ca ca /CN=kubernetes-ca
ca etcd-ca /CN=etcd-ca
ca front-proxy-ca /CN=front-proxy-ca
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out sa.key 2>>openssl.log
openssl pkey -in sa.key -pubout -out sa.pub

leaf etcd-ca etcd /CN=etcd serverAuth,clientAuth IP:127.0.0.1,DNS:localhost
leaf etcd-ca apiserver-etcd-client /CN=kube-apiserver clientAuth
leaf front-proxy-ca front-proxy-client /CN=front-proxy-client clientAuth
names=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local
leaf ca apiserver /CN=kube-apiserver serverAuth "$names,DNS:localhost,DNS:$node,IP:127.0.0.1,IP:10.96.0.1,IP:$node_ip"
leaf ca kubelet-serving "/O=system:nodes/CN=system:node:$node" serverAuth "DNS:$node,IP:$node_ip"
leaf ca apiserver-kubelet-client /CN=kube-apiserver-kubelet-client clientAuth
leaf ca admin /O=system:masters/CN=admin clientAuth
leaf ca kubelet "/O=system:nodes/CN=system:node:$node" clientAuth
for c in kube-controller-manager kube-scheduler kube-proxy; do leaf ca "$c" "/CN=system:$c" clientAuth; done
leaf ca metrics-server /CN=metrics-server serverAuth DNS:metrics-server.kube-system.svc

for c in admin kubelet kube-controller-manager kube-scheduler kube-proxy; do kubeconfig "$dir/auth/$c" "$c"; done
