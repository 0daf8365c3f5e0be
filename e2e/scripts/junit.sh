#!/bin/bash
# junit.sh DIR PROGRAM [ARGUMENT...]: cargo's runner in coverage.sh. Runs a test
# program, and leaves its results in DIR, named after the program.
set -euo pipefail
dir=$1 program=$2
shift 2
# libtest writes junit where unstable features are allowed, which it asks the
# environment for; only the test program gets it, the compiler does not.
report=$dir/$(basename "$program").xml
RUSTC_BOOTSTRAP=1 "$program" "$@" -Z unstable-options --format junit >"$report" || {
	cat "$report" >&2
	exit 1
}
