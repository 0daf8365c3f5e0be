#!/bin/bash
# coverage.sh: how much of the service and of its chassis the tests run, and
# reports of it: junit/*.xml, cobertura.xml, html/index.html. It fails below 90 %
# of the lines.
#
#   OUT=DIR   where the reports go (default: in the cache)
set -euo pipefail
out=${OUT:+$(realpath -m "$OUT")}
. "$(dirname "$0")/lib.sh"
out=${out:-$cache/coverage}
version=0.9.1
least=90
dir=$cache/bin/cargo-llvm-cov-$version

phase "set-up"
"$scripts/setup.sh" build browser servers
if [ ! -x "$dir/bin/cargo-llvm-cov" ]; then
	progress "building cargo-llvm-cov $version" "$cache/log/build-cargo-llvm-cov.log" \
		cargo install --locked --root "$dir" "cargo-llvm-cov@$version"
fi
# It reads what the compiler of the same release wrote.
rustup component add llvm-tools 2>"$cache/log/llvm-tools.log" ||
	{ cat "$cache/log/llvm-tools.log" >&2 && die "the component llvm-tools is missing (rustup component add llvm-tools)"; }

# Instrumented programs are others: not in the directory of those that are not.
export CARGO_LLVM_COV_TARGET_DIR=$CARGO_TARGET_DIR/coverage
llvm_cov() { "$dir/bin/cargo-llvm-cov" llvm-cov "$@"; }
rm -rf "$out"
mkdir -p "$out/junit"
llvm_cov clean --workspace --profraw-only
phase "tests"
triple=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
export "CARGO_TARGET_${triple}_RUNNER=$scripts/junit.sh $out/junit"
llvm_cov --locked --no-report -p 'chassis*' -p service
phase "reports"
llvm_cov report --cobertura --output-path "$out/cobertura.xml"
llvm_cov report --html --output-dir "$out" >/dev/null
llvm_cov report --summary-only --fail-under-lines "$least" | tee "$out/summary.txt" | sed -n '1p; $p' ||
	die "fewer than $least % of the lines are run: see $out/html/index.html"
phase_end
say "reports: $out"
