#!/bin/bash
# image.sh -t NAME:TAG -r ROOT -o ARCHIVE [-u USER] [-w DIR] [-e NAME=VALUE]...
#          [-l LABEL=VALUE]... [-s STOPSIGNAL] [-c] [-- COMMAND...]
# Makes an image of one layer out of the directory ROOT, without any daemon. The
# archive is an OCI image layout which also has Docker's manifest: "docker load",
# "ctr images import", "kind load image-archive" and "skopeo copy oci-archive:"
# read it. COMMAND becomes the entry point, or with -c the default command. The
# same input gives the same bytes.
set -euo pipefail
user='' dir=/ signal='' kind=Entrypoint labels=()
env=("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
while getopts t:r:o:u:e:w:l:s:c option; do
	case $option in
	t) tag=$OPTARG ;;
	r) root=$OPTARG ;;
	o) archive=$OPTARG ;;
	u) user=$OPTARG ;;
	e) env+=("$OPTARG") ;;
	w) dir=$OPTARG ;;
	l) labels+=("$OPTARG") ;;
	s) signal=$OPTARG ;;
	c) kind=Cmd ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))

# A node knows images by their full names, people write short ones.
case ${tag%%/*} in
"$tag") full=docker.io/library/$tag ;;
localhost | *.* | *:*) full=$tag ;;
*) full=docker.io/$tag ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
blobs=$work/blobs/sha256
mkdir -p "$blobs"
fixed=(--sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 --format=gnu)
list() { printf '%s\n' "$@" | jq -R 'select(. != "")' | jq -cs .; }
# blob FILE: moves it to its address; prints "DIGEST SIZE".
blob() {
	local digest
	digest=$(sha256sum "$1" | cut -d' ' -f1)
	mv "$1" "$blobs/$digest"
	echo "$digest $(stat -c %s "$blobs/$digest")"
}

tar -C "$root" "${fixed[@]}" -cf "$work/layer" .
read -r layer layer_size < <(blob "$work/layer")
arch=$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
jq -cn --arg arch "$arch" --arg layer "sha256:$layer" --arg user "$user" --arg dir "$dir" --arg signal "$signal" \
	--arg kind "$kind" --argjson env "$(list "${env[@]}")" --argjson labels "$(list "${labels[@]}")" --args '
	{architecture: $arch, os: "linux", created: "1970-01-01T00:00:00Z",
	 config: ({User: $user, Env: $env, WorkingDir: $dir, StopSignal: $signal, ($kind): $ARGS.positional,
	           Labels: ($labels | map(split("=") | {(.[0]): (.[1:] | join("="))}) | add)}
	          | with_entries(select(.value != "" and .value != null and .value != []))),
	 rootfs: {type: "layers", diff_ids: [$layer]},
	 history: [{created: "1970-01-01T00:00:00Z", created_by: "image.sh"}]}' -- "$@" >"$work/config"
read -r config config_size < <(blob "$work/config")
oci=application/vnd.oci.image
jq -cn --arg oci "$oci" --arg layer "sha256:$layer" --argjson layer_size "$layer_size" \
	--arg config "sha256:$config" --argjson config_size "$config_size" '
	{schemaVersion: 2, mediaType: "\($oci).manifest.v1+json",
	 config: {mediaType: "\($oci).config.v1+json", digest: $config, size: $config_size},
	 layers: [{mediaType: "\($oci).layer.v1.tar", digest: $layer, size: $layer_size}]}' >"$work/manifest"
read -r manifest manifest_size < <(blob "$work/manifest")
jq -cn --arg oci "$oci" --arg manifest "sha256:$manifest" --argjson size "$manifest_size" \
	--arg full "$full" --arg tag "${tag##*:}" --arg arch "$arch" '
	{schemaVersion: 2, mediaType: "\($oci).index.v1+json",
	 manifests: [{mediaType: "\($oci).manifest.v1+json", digest: $manifest, size: $size,
	              platform: {architecture: $arch, os: "linux"},
	              annotations: {"io.containerd.image.name": $full, "org.opencontainers.image.ref.name": $tag}}]}' \
	>"$work/index.json"
echo '{"imageLayoutVersion":"1.0.0"}' >"$work/oci-layout"
jq -cn --arg tag "$tag" --arg config "blobs/sha256/$config" --arg layer "blobs/sha256/$layer" \
	'[{Config: $config, RepoTags: [$tag], Layers: [$layer]}]' >"$work/manifest.json"

mkdir -p "$(dirname "$archive")"
# Beside its place and then moved: an archive is whole or not there.
tar -C "$work" "${fixed[@]}" -cf "$archive.new" oci-layout index.json manifest.json blobs
mv "$archive.new" "$archive"
