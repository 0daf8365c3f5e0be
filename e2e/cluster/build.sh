#!/bin/bash
# build.sh PART...: builds programs of the cluster from Go modules and prints
# one line per part: the directory they are in. What was built from the same
# inputs before is only looked up.
#
# PART: kubernetes helm coredns metrics-server prometheus-operator prometheus
#       pause testapp statsd-exporter
set -euo pipefail
. "$(dirname "$0")/lib.sh"
programs=$cluster_dir/programs
# Static programs: their images hold nothing else, and the node has no say in
# which libraries there are.
export CGO_ENABLED=0 GOFLAGS=-buildvcs=false

# Each recipe writes into $out. -v names the packages as they are done.
recipe_kubernetes() {
	local version=v1.34.4 v=k8s.io/component-base/version
	go -C "$programs/kubernetes" build -v -trimpath -o "$out/cluster" -ldflags "-s -w \
		-X $v.gitVersion=$version -X $v.gitMajor=1 -X $v.gitMinor=34 -X $v.gitTreeState=clean \
		-X $v.gitCommit=none -X $v.buildDate=1970-01-01T00:00:00Z" . &&
		ln -s cluster "$out/kubectl"
}
# helm's command is a main package of its own and wants another client-go than
# this Kubernetes: it cannot be a part of the one program.
recipe_helm() { GOBIN=$out go install -v -ldflags '-s -w' helm.sh/helm/v3/cmd/helm@v3.22.0; }
recipe_coredns() { go -C "$programs/coredns" build -v -trimpath -o "$out/coredns" -ldflags '-s -w' .; }
recipe_metrics_server() { GOBIN=$out go install -v -ldflags '-s -w' sigs.k8s.io/metrics-server/cmd/metrics-server@v0.9.0; }
# "go install" refuses modules with replace directives, as the next two have:
# they are built out of a module here.
recipe_prometheus_operator() {
	local module=github.com/prometheus-operator/prometheus-operator
	go -C "$programs/prometheus-operator" build -v -trimpath -o "$out/" -ldflags '-s -w' \
		$module/cmd/operator $module/cmd/prometheus-config-reloader &&
		cp -r "$(go -C "$programs/prometheus-operator" list -m -f '{{.Dir}}' $module)/example/prometheus-operator-crd" "$out/crds" &&
		chmod -R u+w "$out/crds"
}
# Of all service discoveries only Kubernetes': minutes less. (Debian's package
# lacks just that one.)
recipe_prometheus() {
	go -C "$programs/prometheus" build -v -trimpath -tags remove_all_sd,enable_kubernetes_sd -o "$out/prometheus" \
		-ldflags '-s -w -X github.com/prometheus/common/version.Version=3.13.5' github.com/prometheus/prometheus/cmd/prometheus
}
# The tests of the service send it their metrics.
recipe_statsd_exporter() { GOBIN=$out go install -v -ldflags '-s -w' github.com/prometheus/statsd_exporter@v0.31.0; }
recipe_pause() { go -C "$programs/pause" build -v -trimpath -o "$out/pause" -ldflags '-s -w' .; }
recipe_testapp() { go -C "$programs/testapp" build -v -trimpath -o "$out/testapp" -ldflags '-s -w' .; }

# inputs PART: all that decides what the programs of a part are.
inputs() {
	go env GOVERSION GOARCH
	declare -f "recipe_${1//-/_}"
	[ ! -d "$programs/$1" ] || (cd "$programs/$1" && find . -type f | LC_ALL=C sort | xargs sha256sum)
}

command -v go >/dev/null ||
	die "Go is missing, which the local cluster is built with. Install Go 1.26 or later (https://go.dev/dl), or use kind or CONTEXT="
mkdir -p "$cache/bin"
for part; do
	declare -F "recipe_${part//-/_}" >/dev/null || die "no part named $part"
	hash=$(inputs "$part" | sha256sum | cut -c 1-12)
	dir=$cache/bin/$part-$hash
	# One build of a part at a time, whoever asks.
	exec {lock}>"$cache/bin/.$part.lock"
	flock "$lock"
	if [ ! -d "$dir" ]; then
		out=$cache/bin/.$part.new
		rm -rf "$out"
		mkdir "$out"
		progress "building $part" "$cache/log/build-$part.log" "recipe_${part//-/_}"
		mv "$out" "$dir"
	fi
	touch "$dir"
	prune "$cache/bin" "$part"
	exec {lock}>&-
	echo "$dir"
done
