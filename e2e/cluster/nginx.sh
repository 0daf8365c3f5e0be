#!/bin/bash
# nginx.sh: makes the image nginxinc/nginx-unprivileged:1.30 out of Debian's
# nginx and prints the path of its archive. A node without a way out cannot pull
# the published image of that name; what the operator relies on is the same in
# both: nginx 1.30 on PATH, mime.types, user 101, SIGQUIT as the stop signal.
#
# The package comes from Debian's sid suite (the stable ones are older than
# 1.27.4, which brought keepalive_min_timeout), through an apt configuration of
# its own: nothing is installed, the system's apt does not change.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
version=1.30 tag=nginxinc/nginx-unprivileged:1.30
archive=$cache/images/nginx-$(cat "$0" "$cluster_dir/image.sh" "$cluster_dir/config/nginx.conf" | sha256sum | cut -c 1-12).tar

# mirror: the address that the system's own apt has Debian's packages from.
mirror() {
	# shellcheck disable=SC2016 # apt's own fields
	apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' 'Component: main' |
		awk -v codename="$(. /etc/os-release && echo "${VERSION_CODENAME:-sid}")" '
			$1 == codename && !own { own = $2 }
			$2 ~ /\/debian\/?$/ && !other { other = $2 }
			END { print own ? own : other }'
}

# own_apt COMMAND ARGUMENT...: "apt-get COMMAND" or "apt-cache COMMAND" which
# knows sid only, has no package installed and writes below $work/apt.
own_apt() {
	local program=$1
	shift
	"$program" -q -o Dir::Etc::sourcelist="$work/apt/sources.list" -o Dir::Etc::sourceparts="$work/apt/none" \
		-o Dir::Etc::preferences="$work/apt/status" -o Dir::Etc::preferencesparts="$work/apt/none" \
		-o Dir::State="$work/apt" -o Dir::State::status="$work/apt/status" -o Dir::Cache="$work/apt/cache" \
		-o APT::Sandbox::User=root -o APT::Install-Recommends=false -o Acquire::Languages=none \
		-o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false "$@"
}

# Program, its configuration (a package of its own) and the shared libraries.
download() {
	mkdir -p "$work/apt/none" "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$work/packages"
	: >"$work/apt/status"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri sid main" >"$work/apt/sources.list"
	own_apt apt-get update || return
	local packages
	packages=$(own_apt apt-get -s install nginx | awk '$1 == "Inst" && $2 ~ /^(nginx|nginx-common|lib.*|zlib1g)$/ { print $2 }') || return
	case $(own_apt apt-cache policy nginx | awk '/Candidate:/ { print $2 }') in
	"$version".*) ;;
	*)
		echo "Debian's sid has another nginx than $version:"
		own_apt apt-cache policy nginx
		echo "adapt version and tag in $0, and the default proxy image of the operator"
		return 1
		;;
	esac
	# shellcheck disable=SC2086 # names without blanks
	(cd "$work/packages" && own_apt apt-get download $packages) || return
	local package
	for package in "$work"/packages/*.deb; do dpkg-deb -x "$package" "$work/system" || return; done
}

# collect: the program, what it loads, and nothing else, into $work/root.
collect() {
	local system=$work/system root=$work/root loader library
	# Libraries are below /usr there; the program asks for /lib64/ld-linux...
	loader=$(find "$system" -name 'ld-linux-*.so.*' | head -n 1)
	[ -n "$loader" ] || { say "no loader in Debian's libc6"; return 1; }
	install -D "$system/usr/sbin/nginx" "$root/usr/sbin/nginx"
	local path
	path=$(find "$system" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
	"$loader" --library-path "$path" --list "$root/usr/sbin/nginx" | tee "$work/libraries" | awk '$2 == "=>" { print $3 }' |
		while read -r library; do
			# One of the host's would work today and fail in the pod.
			case $library in "$system"/*) ;; *) die "nginx would load $library, which is the host's" ;; esac
			install -D -m 644 "$library" "$root/usr/lib/$(basename "$library")"
		done
	if grep -q 'not found' "$work/libraries"; then
		cat "$work/libraries" >&2
		die "a library of nginx is missing"
	fi
	local wanted
	wanted=$(LC_ALL=C grep -ao '/lib[0-9a-z]*/ld-linux-[0-9a-z_-]*\.so\.[0-9]' "$root/usr/sbin/nginx" | head -n 1)
	install -D "$loader" "$root$wanted"
	install -D -m 644 "$system/etc/nginx/mime.types" "$root/etc/nginx/mime.types"
	install -m 644 "$cluster_dir/config/nginx.conf" "$root/etc/nginx/nginx.conf"
	printf 'root:x:0:0:root:/:/bin/false\nnginx:x:101:101:nginx:/:/bin/false\n' >"$root/etc/passwd"
	printf 'root:x:0:\nnginx:x:101:\n' >"$root/etc/group"
	# What nginx opens before it has read its configuration.
	mkdir -p "$root/var/log/nginx" "$root/tmp"
	ln -s /dev/stdout "$root/var/log/nginx/access.log"
	ln -s /dev/stderr "$root/var/log/nginx/error.log"
	chmod 1777 "$root/tmp"
}

if [ ! -e "$archive" ]; then
	for command in apt-get dpkg-deb; do
		command -v $command >/dev/null ||
			die "the local cluster's nginx is made from Debian's packages, and $command is missing here; use kind or CONTEXT="
	done
	[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] ||
		die "Debian's keys are missing, which its packages are checked with: apt-get install debian-archive-keyring"
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	uri=$(mirror)
	[ -n "$uri" ] || die "the system's apt has no Debian mirror in its sources (apt-get indextargets)"
	progress "downloading nginx $version and its libraries (Debian sid)" "$cache/log/nginx.log" download
	collect
	# No entry point: "nginx ..." as the pod's args is what the published image's
	# script ends in, too.
	"$cluster_dir/image.sh" -t "$tag" -r "$work/root" -o "$archive" -u 101:101 -s SIGQUIT \
		-c -- nginx -g 'daemon off;'
fi
touch "$archive"
prune "$cache/images" nginx
echo "$archive"
