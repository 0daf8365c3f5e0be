#!/bin/bash
# nginx.sh: the tests that ask the real nginx, the one of the local cluster's
# image, what it says of the operator's configurations. No cluster is needed.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
nginx=$("$scripts/parts.sh" nginx)
[ "$nginx" != - ] || exit 1
# The applications it stands in front of; a test says what it lacks.
apps=("$("$scripts/parts.sh" go-app)" "$("$scripts/parts.sh" node-modules)" "$("$scripts/parts.sh" python-servers)")
NGINX_PROGRAM=$nginx GO_APP=${apps[0]} NODE_MODULES=${apps[1]} PYTHON_SERVERS=${apps[2]} cargo test --locked --workspace --test nginx -- --ignored
