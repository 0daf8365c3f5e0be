#!/bin/bash
# nginx.sh: the tests that ask the real nginx, the one of the local cluster's
# image, what it says of the operator's configurations. No cluster is needed.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
nginx=$("$scripts/parts.sh" nginx)
[ "$nginx" != - ] || exit 1
NGINX_PROGRAM=$nginx cargo test --locked --workspace --test nginx -- --ignored
