#!/bin/bash
# install.sh: builds the service and installs it as microservice, pymicro_server
# and pymicro_uwsgi.
#
#   PREFIX=DIR     below which they go, in bin/ (default: /usr/local)
#   PROFILE=dev    the build's profile (default: release)
set -euo pipefail
. "$(dirname "$0")/lib.sh"
bin=${PREFIX:-/usr/local}/bin
profile=${PROFILE:-release}
"$scripts/cargo.sh" build --locked --workspace --bin microservice --profile "$profile"
mkdir -p "$bin"
install "$CARGO_TARGET_DIR/${profile/#dev/debug}/microservice" "$bin/microservice"
for name in pymicro_server pymicro_uwsgi; do
	ln -sf microservice "$bin/$name"
done
say "installed: $bin/microservice, pymicro_server, pymicro_uwsgi"
