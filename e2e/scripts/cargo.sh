#!/bin/bash
# cargo.sh ARGUMENT...: cargo with the target directory that all scripts share.
#
#   TOOLCHAIN=NAME   another toolchain than the pinned one; rustup says how to install one that is not there
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cargo ${TOOLCHAIN:+"+$TOOLCHAIN"} "$@"
