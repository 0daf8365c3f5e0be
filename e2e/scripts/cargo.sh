#!/bin/bash
# cargo.sh ARGUMENT...: cargo with the target directory that all scripts share.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cargo "$@"
