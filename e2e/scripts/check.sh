#!/bin/bash
# check.sh: the fast inner loop: format, lints, and all tests that need no
# cluster (unit, golden files, fake API).
set -euo pipefail
. "$(dirname "$0")/lib.sh"
phase "format"
cargo fmt --all --check
phase "clippy"
cargo clippy --locked --workspace --all-targets --quiet -- -D warnings
phase "tests"
cargo test --locked --workspace --quiet
