#!/bin/bash
# setup.sh PURPOSE...: installs with apt what is missing for
#   build    Rust's programs and the image archives
#   cluster  the local cluster
#   browser  the tests of the service's pages
#   fuzz     the requests made of its OpenAPI document
#   servers  what its tests talk to: a database, a mail server, Zipkin, ...
# It says what it installs and why. Rust and Go are left to you: which ones, and
# where from, is not for a make target to decide.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

missing=()
need() { # need COMMAND PACKAGE REASON
	command -v "$1" >/dev/null || missing+=("$2 ($3)")
}
for purpose; do
	case $purpose in
	build)
		command -v cargo >/dev/null ||
			die "Rust is missing: install rustup (https://rustup.rs); rust-toolchain.toml then chooses the version"
		need cc "gcc libc6-dev" "links Rust's programs"
		need jq jq "writes the images' manifests"
		need curl curl "asks servers whether they are ready"
		;;
	cluster)
		# What cannot be installed first: no package helps without root.
		"$cluster_dir/preflight.sh" --rights
		command -v go >/dev/null ||
			die "Go is missing, which Kubernetes is built with: install Go 1.26 or later (https://go.dev/dl), or use kind or CONTEXT="
		version=$(go env GOVERSION)
		version=${version#go}
		# From 1.21 on Go fetches the release that a go.mod asks for by itself,
		# unless it is told not to.
		oldest=1.21
		if [ "$(go env GOTOOLCHAIN)" = local ]; then oldest=1.26; fi
		printf '%s\n' "$oldest" "$version" | sort -CV ||
			die "Go $version is too old to build Kubernetes with: install Go 1.26 or later (https://go.dev/dl)"
		while read -r package; do missing+=("$package"); done < <("$cluster_dir/preflight.sh" --packages)
		;;
	browser)
		need chromium chromium "opens the service's pages"
		need chromedriver chromium-driver "tells it what to click"
		[ -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] || missing+=("fonts-dejavu-core (letters on the screenshots)")
		;;
	fuzz)
		python3 -m venv --help >/dev/null 2>&1 && python3 -c 'import ensurepip' 2>/dev/null ||
			missing+=("python3-venv (installs schemathesis)")
		;;
	servers)
		# Not Tor, whose package starts a service that talks to its network, and not Node, of which Debian 12 has
		# one that is too old: their tests say what they lack, and are skipped.
		# Its programs are in no PATH.
		[ "$("$scripts/parts.sh" postgres 2>/dev/null)" != - ] || missing+=("postgresql (keeps users and products)")
		[ "$("$scripts/parts.sh" pgbouncer 2>/dev/null)" != - ] || missing+=("pgbouncer (pools connections to the database)")
		# The system's Python: another one that comes first in PATH does not see Debian's packages.
		/usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null || missing+=("python3-aiosmtpd (a mail server)")
		need java default-jre-headless "runs Zipkin"
		need mvn maven "fetches Zipkin"
		need openssl openssl "makes certificates"
		;;
	*) die "no purpose named $purpose" ;;
	esac
done

if [ ${#missing[@]} != 0 ]; then
	mapfile -t packages < <(printf '%s\n' "${missing[@]}" | sed 's/ (.*//' | tr ' ' '\n' | sort -u)
	say "missing on this machine:"
	printf '  %s\n' "${missing[@]}" | sort -u >&2
	command -v apt-get >/dev/null || die "no apt here to install them with; install them otherwise"
	[ "$(id -u)" = 0 ] || die "to install them: sudo apt-get install ${packages[*]}"
	install_packages() {
		# Services (containerd has one) are not started: only the programs are used.
		apt-get -q update &&
			RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${packages[@]}"
	}
	progress "installing ${packages[*]}" "$cache/log/apt.log" install_packages
fi
case " $* " in *" cluster "*) "$cluster_dir/preflight.sh" ;; esac
