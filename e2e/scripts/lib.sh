# shellcheck shell=bash disable=SC2034 # used by those who source this
# Shared by the scripts behind the make targets; sourced.

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# A script that sets own_cluster=NAME before has a cluster of its own, one for each
# checkout: two can be tested at a time, and one of make up is not disturbed.
[ -z "${own_cluster:-}" ] || own_cluster=$own_cluster-$(printf %s "$repo" | sha256sum | cut -c 1-8)
# shellcheck source=../cluster/lib.sh
. "$repo/e2e/cluster/lib.sh"
scripts=$repo/e2e/scripts
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
cd "$repo" || exit

# forget_other_checkout: cargo tells a package of one checkout from the same one
# of another by nothing but the sources' times. The dependencies may be shared;
# what another checkout made of our own packages must not be taken for ours.
forget_other_checkout() {
	local owner=$CARGO_TARGET_DIR/.checkout
	[ "$(cat "$owner" 2>/dev/null)" != "$repo" ] || return 0
	mkdir -p "$CARGO_TARGET_DIR"
	find "$CARGO_TARGET_DIR" -mindepth 3 -maxdepth 4 -path '*/.fingerprint/*' \
		\( -name 'operator-*' -o -name 'service-*' -o -name 'chassis-*' -o -name 'e2e-*' \) -exec rm -rf {} +
	echo "$repo" >"$owner"
}
forget_other_checkout

# build_programs [ARGUMENT...]: with the features that the dependencies have in the tests of the workspace, as
# one test is built too; cargo would build them once more for another set.
build_programs() { cargo build --locked --workspace --bins --test regressions "$@"; }

# --- phases: what is being done, how long it took, and where it failed ---
phase_name='' phase_began='' phase_times=() phases_began=$(now)

# phase NAME: ends the phase before and begins another.
phase() {
	phase_end
	phase_name=$1 phase_began=$(now)
	say "== $1"
}
phase_end() {
	[ -n "$phase_name" ] || return 0
	phase_times+=("$(printf '%7s s  %s' "$(since "$phase_began")" "$phase_name")")
	phase_name=''
}
phase_table() {
	phase_end
	say "== times"
	printf '%s\n' "${phase_times[@]}" "$(printf '%7s s  in all' "$(since "$phases_began")")" >&2
	phase_times=()
}

# --- beside the phases ---
beside_label='' beside_pid=''

# beside LABEL COMMAND...: begins what a later phase needs.
beside() {
	beside_label=$1
	# A group of its own, so that all of it can be ended.
	setsid "${@:2}" &
	beside_pid=$!
}
# beside_end: waits until that is done.
beside_end() {
	[ -n "$beside_pid" ] || return 0
	wait "$beside_pid" || die "$beside_label: failed"
	beside_pid=''
}

# on_end is for a script to replace: what must be done however it ends.
# on_failure likewise: what helps to understand a failure, before on_end.
on_end() { :; }
on_failure() { :; }
finish() {
	local code=$? failed=$phase_name
	trap - EXIT
	trap '' INT TERM
	set +e
	[ -z "$beside_pid" ] || kill -- "-$beside_pid" 2>/dev/null
	if [ $code != 0 ]; then
		[ -z "$failed" ] || say "FAILED: $failed"
		on_failure "$failed"
	fi
	on_end
	[ ${#phase_times[@]} = 0 ] || phase_table
	[ $code = 0 ] || [ -z "$failed" ] || say "FAILED: $failed"
	exit $code
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
