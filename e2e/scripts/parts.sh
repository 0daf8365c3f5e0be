#!/bin/bash
# parts.sh PART...: the real programs that the service's tests talk to. What is
# missing is built or fetched once and kept in the cache. Prints one path per
# part, "-" for one that this machine cannot have, and says why.
#
# PART: postgres (the directory of its programs) statsd-exporter zipkin
set -euo pipefail
. "$(dirname "$0")/../cluster/lib.sh"

lacks() {
	say "parts: no $1: $2"
	echo -
}
fetch_zipkin() {
	mkdir -p "$cache/parts"
	# Tests that run at the same time ask for it at the same time.
	exec {lock}>"$cache/parts/.zipkin.lock"
	flock "$lock"
	[ -e "$jar" ] || {
		rm -rf "$cache/parts/.zipkin.new"
		progress "fetching zipkin-server $version" "$cache/log/fetch-zipkin.log" \
			mvn -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
			-Dartifact="io.zipkin:zipkin-server:$version:jar:exec" -DoutputDirectory="$cache/parts/.zipkin.new"
		mv "$cache/parts/.zipkin.new/${jar##*/}" "$jar"
	}
	exec {lock}>&-
}
for part; do
	case $part in
	postgres)
		dir=
		# Debian has them in no PATH, each version in a directory of its own.
		for found in "$(dirname "$(command -v postgres || echo /)")" /usr/lib/postgresql/*/bin; do
			if [ -x "$found/initdb" ] && [ -x "$found/pg_isready" ] && [ -x "$found/psql" ]; then dir=$found; fi
		done
		if [ -n "$dir" ]; then
			echo "$dir"
		else
			lacks "$part" "PostgreSQL is missing (Debian: postgresql)"
		fi
		;;
	statsd-exporter)
		if command -v go >/dev/null; then
			dir=$("$cluster_dir/build.sh" statsd-exporter)
			echo "$dir/statsd_exporter"
		else
			lacks "$part" "Go is missing, which it is built with (https://go.dev/dl)"
		fi
		;;
	zipkin)
		version=3.5.1
		jar=$cache/parts/zipkin-server-$version-exec.jar
		if ! command -v java >/dev/null; then
			lacks "$part" "Java is missing, which it runs on (Debian: default-jre-headless)"
		elif [ ! -e "$jar" ] && ! command -v mvn >/dev/null; then
			lacks "$part" "Maven is missing, which fetches it (Debian: maven)"
		else
			fetch_zipkin
			echo "$jar"
		fi
		;;
	*) die "no part named $part" ;;
	esac
done
