#!/bin/bash
# hostile.sh: thousands of clients that are idle, slow or deaf against the
# service (service/tests/hostile.rs, whose short form is a part of make test).
set -euo pipefail
. "$(dirname "$0")/lib.sh"
# A connection takes a descriptor at either end.
ulimit -n "$(ulimit -Hn)"
phase "hostile clients"
cargo test --locked --workspace --test hostile -- --include-ignored
