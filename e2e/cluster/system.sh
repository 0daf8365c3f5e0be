#!/bin/bash
# system.sh NAME: makes the image of a server out of what this machine has of it
# from Debian, and prints the path of its archive. A node without a way out
# cannot pull the published image of that name; what the tests rely on is the
# same in both: ports, the environment below, and that any user may run it.
#
#   postgres   postgres:15; POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB, data in PGDATA
#   zipkin     openzipkin/zipkin:3; keeps traces in memory
set -euo pipefail
. "$(dirname "$0")/lib.sh"
name=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir "$root"

# take PATH...: a file or a directory with all that its programs load, at the same
# place. Links become what they lead to; one that leads nowhere is left out.
take() {
	local path library
	for path; do
		find -L "$path" -type f -print0 | tar -C / --null --dereference -cf - -T - 2>/dev/null | tar -C "$root" -xf -
		# What is no program makes ldd fail.
		find -L "$path" -type f \( -perm -u+x -o -name '*.so*' \) -print0 | { xargs -0 -r ldd 2>/dev/null || true; } |
			awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /ld-linux/ { print $1 }' | sort -u |
			while read -r library; do [ -e "$root$library" ] || install -D -m 755 "$library" "$root$library"; done
	done
}
# users: those that the programs ask for by number.
users() {
	mkdir -p "$root/etc" "$root/tmp"
	chmod 1777 "$root/tmp"
	printf 'root:x:0:0:root:/:/bin/false\n%s:x:%s:%s::/tmp:/bin/sh\n' "$name" "$1" "$1" >"$root/etc/passwd"
	printf 'root:x:0:\n%s:x:%s:\n' "$name" "$1" >"$root/etc/group"
}
image() { # image TAG USER ENTRY...
	local tag=$1 user=$2
	shift 2
	"$cluster_dir/image.sh" -t "$tag" -r "$root" -o "$archive" -u "$user:$user" -- "$@"
}

case $name in
postgres)
	bin=$("$cluster_dir/../scripts/parts.sh" postgres)
	[ "$bin" != - ] || die "no PostgreSQL on this machine (Debian: postgresql)"
	key=$bin-$("$bin/postgres" --version)
	;;
zipkin)
	jar=$("$cluster_dir/../scripts/parts.sh" zipkin)
	[ "$jar" != - ] || die "no Zipkin on this machine"
	# The runtime alone: what a compiler needs beside it is three times as large.
	java=$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")
	key=$jar-$(java -version 2>&1)
	;;
*) die "no server named $name" ;;
esac
archive=$cache/images/$name-$(cat "$0" "$cluster_dir/image.sh" - <<<"$key" | sha256sum | cut -c 1-12).tar
if [ ! -e "$archive" ]; then
	mkdir -p "$cache/images"
	case $name in
	postgres)
		# initdb starts the server through a shell. Without the compiler of queries, which is larger than the rest.
		mapfile -t modules < <(find "${bin%/bin}/lib" -name '*.so' ! -name 'llvmjit*')
		take /bin/sh "$bin" "${modules[@]}" "$("$bin/pg_config" --sharedir)" /usr/share/zoneinfo
		users 999
		printf '#!/bin/sh\nset -eu\nPATH=%s\n' "$bin" >"$root/start"
		cat >>"$root/start" <<-'START'
			: "${PGDATA:=/tmp/data}" "${POSTGRES_USER:=postgres}" "${POSTGRES_PASSWORD:?set POSTGRES_PASSWORD}"
			: "${POSTGRES_DB:=$POSTGRES_USER}"
			if [ ! -e "$PGDATA/PG_VERSION" ]; then
				echo "$POSTGRES_PASSWORD" >/tmp/password
				initdb -D "$PGDATA" -U "$POSTGRES_USER" --pwfile /tmp/password --auth scram-sha-256 --locale C --encoding UTF8
				echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
				[ "$POSTGRES_DB" = postgres ] || echo "CREATE DATABASE \"$POSTGRES_DB\"" | postgres --single -D "$PGDATA" postgres
			fi
			exec postgres -D "$PGDATA" -h '*' -k /tmp
		START
		chmod 755 "$root/start"
		image postgres:15 999 /start
		;;
	zipkin)
		take "$java"
		rm -rf "$root$java"/{jmods,demo,include,man,lib/src.zip,lib/ct.sym}
		install -D -m 644 "$jar" "$root/zipkin.jar"
		users 1000
		image openzipkin/zipkin:3 1000 "$java/bin/java" -Xmx96m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -jar /zipkin.jar
		;;
	esac
fi
touch "$archive"
prune "$cache/images" "$name"
echo "$archive"
