#!/bin/bash
# images.sh NAME...: makes the cluster's own image archives and prints the path
# of each, one per line. What was made from the same inputs is only looked up.
#
# NAME: pause testapp coredns metrics-server prometheus-operator
#       prometheus-config-reloader prometheus prometheus-adapter statsd-exporter nginx
set -euo pipefail
. "$(dirname "$0")/lib.sh"
images=$cache/images
mkdir -p "$images"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# static PROGRAM IMAGE: prints the archive of an image with nothing but PROGRAM.
# In /bin, where the Prometheus operator expects its programs, whatever their
# entry point.
static() {
	local program=$1 image=$2 name base hash archive
	base=${image##*/}
	base=${base%:*}
	name=$(basename "$program")
	# A dynamic program fails only in the pod: "exec /x: no such file or directory".
	if ldd "$program" >/dev/null 2>&1; then die "$program is not static (CGO_ENABLED=0)"; fi
	hash=$(cat "$cluster_dir/image.sh" "$0" "$program" | sha256sum | cut -c 1-12)
	archive=$images/$base-$hash.tar
	if [ ! -e "$archive" ]; then
		rm -rf "$work/root"
		install -D "$program" "$work/root/bin/$name"
		"$cluster_dir/image.sh" -t "$image" -r "$work/root" -o "$archive" -u 65532:65532 -- "/bin/$name"
	fi
	touch "$archive"
	prune "$images" "$base"
	echo "$archive"
}

for name; do
	case $name in
	pause | testapp) program=$name tag=$name:1 part=$name ;;
	coredns) program=coredns tag=coredns:v1.15.0 part=coredns ;;
	metrics-server) program=metrics-server tag=metrics-server:v0.9.0 part=metrics-server ;;
	prometheus-operator) program=operator tag=prometheus-operator:v0.85.0 part=prometheus-operator ;;
	prometheus-config-reloader) program=$name tag=$name:v0.85.0 part=prometheus-operator ;;
	prometheus) program=prometheus tag=prometheus:v3.13.5 part=prometheus ;;
	prometheus-adapter) program=adapter tag=prometheus-adapter:v0.12.0 part=prometheus-adapter ;;
	# By its published name, which the operator asks for.
	statsd-exporter) program=statsd_exporter tag=prom/statsd-exporter:v0.31.0 part=statsd-exporter ;;
	nginx)
		"$cluster_dir/nginx.sh"
		continue
		;;
	*) die "no image named $name" ;;
	esac
	dir=$("$cluster_dir/build.sh" "$part")
	case $tag in */*) image=$tag ;; *) image=localhost/$tag ;; esac
	static "$dir/$program" "$image"
done
