#!/bin/bash
# hostile.sh: thousands of clients that are idle, slow or deaf against the
# service, directly and through nginx (service/tests/hostile.rs, whose short form
# is a part of make test). It says what 99 of 100 requests of good clients take
# alone and beside them, and fails when that is more than twice as long.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
# A connection takes a descriptor at either end.
ulimit -n "$(ulimit -Hn)"
phase "hostile clients"
cargo test --locked --workspace --test hostile -- --include-ignored --nocapture --test-threads 1
