#!/bin/bash
# deny.sh [CHECK...]: cargo-deny, pinned and kept in the cache. Without arguments
# all checks but "advisories", whose database is a download of its own: that one
# runs in the CI workflow.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
version=0.20.2
dir=$cache/bin/cargo-deny-$version
checks=("$@")
if [ ${#checks[@]} = 0 ]; then checks=(bans licenses sources); fi
if [ ! -x "$dir/bin/cargo-deny" ]; then
	progress "building cargo-deny $version" "$cache/log/build-cargo-deny.log" \
		cargo install --locked --root "$dir" "cargo-deny@$version"
fi
"$dir/bin/cargo-deny" --locked --workspace check --hide-inclusion-graph "${checks[@]}"
