#!/bin/bash
# images.sh [NAME...]: builds static release programs, and image archives out of
# them, without any daemon. Prints a line "NAME IMAGE ARCHIVE" for each image.
#
# NAME: operator service e2e-client nginx (default: these) statsd-exporter postgres zipkin
#
#   TAG=...       tag of our images (default: dev- and a hash of the content, so
#                 that a changed program is a changed image)
#   REGISTRY=...  put before the images' names
#   OUT=DIR       copies the archives there, as NAME-TAG.tar
set -euo pipefail
. "$(dirname "$0")/lib.sh"
names=("$@")
if [ ${#names[@]} = 0 ]; then names=(operator service e2e-client nginx); fi
target=$(uname -m)-unknown-linux-gnu
images=$cache/images
mkdir -p "$images"

# All three always together: cargo's features are those of all that it builds
# at once, and another set would build the dependencies once more. --target
# keeps the flag from build scripts and macros, which cannot be static.
programs() {
	RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --target "$target" \
		-p operator -p service -p e2e --bins
}

# archive NAME PROGRAM [LINK...]: an image with nothing but PROGRAM, and other
# names of it.
archive() {
	local name=$1 program=$CARGO_TARGET_DIR/$target/release/$2 hash tag image archive work link
	# A dynamic program fails only in the pod: "exec /x: no such file or directory".
	if ldd "$program" 2>/dev/null | grep -q '=>'; then die "$program is not static"; fi
	hash=$(cat "$program" "$cluster_dir/image.sh" "$0" | sha256sum | cut -c 1-12)
	tag=${TAG:-dev-$hash}
	image=${REGISTRY:+${REGISTRY%/}/}microservice-dev/$name:$tag
	archive=$images/$name-$(printf '%s' "$image $hash" | sha256sum | cut -c 1-12).tar
	if [ ! -e "$archive" ]; then
		work=$(mktemp -d)
		install "$program" "$work/$2"
		for link in "${@:3}"; do ln -s "$2" "$work/$link"; done
		"$cluster_dir/image.sh" -t "$image" -r "$work" -o "$archive" -u 65532:65532 \
			-l "org.opencontainers.image.title=microservice-dev/$name" -l "org.opencontainers.image.version=$tag" \
			-l org.opencontainers.image.licenses=Apache-2.0 -- "/$2"
		rm -r "$work"
	fi
	touch "$archive"
	prune "$images" "$name"
	show "$name" "$image" "$archive"
}
show() { # show NAME IMAGE ARCHIVE
	local archive=$3
	if [ -n "${OUT:-}" ]; then
		mkdir -p "$OUT"
		archive=$OUT/$1-${2##*:}.tar
		cp "$3" "$archive"
	fi
	echo "$1 $2 $archive"
}

built=
for name in "${names[@]}"; do
	case $name in
	operator | service | e2e-client)
		[ -n "$built" ] || progress "building the release programs" "$cache/log/build-rust.log" programs
		built=1
		;;
	esac
	case $name in
	operator) archive operator microservice-operator ;;
	service) archive service microservice pymicro_server pymicro_uwsgi ;;
	e2e-client) archive e2e-client e2e-client ;;
	nginx) show nginx nginxinc/nginx-unprivileged:1.30 "$("$cluster_dir/nginx.sh")" ;;
	statsd-exporter) show statsd-exporter prom/statsd-exporter:v0.31.0 "$("$cluster_dir/images.sh" statsd-exporter)" ;;
	postgres) show postgres postgres:15 "$("$cluster_dir/system.sh" postgres)" ;;
	zipkin) show zipkin openzipkin/zipkin:3 "$("$cluster_dir/system.sh" zipkin)" ;;
	*) die "no image named $name" ;;
	esac
done
