#!/bin/bash
# nginx.sh: the tests that ask the real nginx, the one of the local cluster's
# image, what it says of the operator's configurations. No cluster is needed.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
work=$(mktemp -d)
on_end() { rm -rf "$work"; }

archive=$("$cluster_dir/nginx.sh")
mkdir "$work/image" "$work/root"
tar -xf "$archive" -C "$work/image"
tar -xf "$work/image/$(jq -r '.[0].Layers[0]' "$work/image/manifest.json")" -C "$work/root"
# With the libraries it was built with.
loader=$(find "$work/root" -name 'ld-linux-*' -perm -u+x | head -n 1)
cat >"$work/nginx" <<END
#!/bin/sh
exec $loader --library-path $work/root/usr/lib $work/root/usr/sbin/nginx "\$@"
END
chmod +x "$work/nginx"
NGINX_PROGRAM=$work/nginx cargo test --locked -p operator --test nginx -- --ignored
