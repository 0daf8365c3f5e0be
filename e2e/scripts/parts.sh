#!/bin/bash
# parts.sh PART...: the real programs that the service's tests talk to. What is
# missing is built or fetched once and kept in the cache. Prints one path per
# part, "-" for one that this machine cannot have, and says why.
#
# PART: nginx oidc-provider pgbouncer postgres (the directory of its programs) prometheus smtp statsd-exporter tor zipkin, and
# for the applications that nginx is tested with: go-app (the program) node-modules python-servers (a Python that has them)
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
fetch_oidc_provider() {
	exec {lock}>"$cache/parts/.oidc-provider.lock"
	flock "$lock"
	[ -e "$dir" ] || {
		rm -rf "$dir.new"
		progress "fetching oidc-provider $version" "$cache/log/fetch-oidc-provider.log" \
			npm install --prefix "$dir.new" --no-audit --no-fund --ignore-scripts "oidc-provider@$version"
		mv "$dir.new" "$dir"
	}
	exec {lock}>&-
}
# The cluster's image of it, unpacked, with a script that starts it with the
# libraries it was built with.
unpack_nginx() {
	local archive=$1 loader
	exec {lock}>"$cache/parts/.nginx.lock"
	flock "$lock"
	[ -e "$dir" ] || {
		rm -rf "$dir.new"
		mkdir -p "$dir.new/image" "$dir.new/root"
		tar -xf "$archive" -C "$dir.new/image"
		tar -xf "$dir.new/image/$(jq -r '.[0].Layers[0]' "$dir.new/image/manifest.json")" -C "$dir.new/root"
		rm -r "$dir.new/image"
		loader=$(cd "$dir.new" && find root -name 'ld-linux-*' -perm -u+x | head -n 1)
		printf '#!/bin/sh\nexec %s --library-path %s %s "$@"\n' \
			"$dir/$loader" "$dir/root/usr/lib" "$dir/root/usr/sbin/nginx" >"$dir.new/nginx"
		chmod +x "$dir.new/nginx"
		mv "$dir.new" "$dir"
	}
	exec {lock}>&-
}
apps=$(dirname "$0")/../../operator/core/tests/nginx/apps
hash_of() { cat "$@" | sha256sum | cut -c 1-12; }
# fetch_once NAME COMMAND...: makes $dir with a command that is given the directory to fill. Tests that run
# at the same time ask for it at the same time.
fetch_once() {
	local name=$1
	mkdir -p "$cache/parts"
	exec {lock}>"$cache/parts/.$name.lock"
	flock "$lock"
	[ -e "$dir" ] || {
		rm -rf "$dir.new"
		progress "fetching $name" "$cache/log/fetch-$name.log" "${@:2}" "$dir.new"
		mv "$dir.new" "$dir"
	}
	exec {lock}>&-
	touch "$dir"
	prune "$cache/parts" "$name"
}
fetch_node_modules() { npm install --prefix "$1" --no-audit --no-fund --ignore-scripts "ws@$version"; }
# Its python is to be used (python -m gunicorn): the programs beside it name the directory they were installed in.
fetch_python_servers() {
	python3 -m venv "$1" && "$1/bin/pip" install --disable-pip-version-check -r "$apps/requirements.txt"
}
build_go_app() { mkdir "$1" && (cd "$apps/go" && go build -o "$1/app" .); }

for part; do
	case $part in
	go-app)
		dir=$cache/parts/go-app-$(hash_of "$apps"/go/*)
		if command -v go >/dev/null; then
			fetch_once go-app build_go_app
			echo "$dir/app"
		else
			lacks "$part" "Go is missing, which it is built with (https://go.dev/dl)"
		fi
		;;
	nginx)
		if command -v apt-get >/dev/null; then
			archive=$("$cluster_dir/nginx.sh")
			mkdir -p "$cache/parts"
			dir=$cache/parts/$(basename "$archive" .tar)
			unpack_nginx "$archive"
			prune "$cache/parts" nginx
			echo "$dir/nginx"
		else
			lacks "$part" "apt is missing, which it comes with"
		fi
		;;
	node-modules)
		version=8.23.0
		dir=$cache/parts/node-modules-$(echo "$version" | hash_of)
		if ! command -v npm >/dev/null; then
			lacks "$part" "Node or its npm is missing (https://nodejs.org)"
		else
			fetch_once node-modules fetch_node_modules
			echo "$dir/node_modules"
		fi
		;;
	oidc-provider)
		version=9.13.3
		dir=$cache/parts/oidc-provider-$version
		if ! command -v node >/dev/null; then
			lacks "$part" "Node is missing, which it runs on (https://nodejs.org)"
		elif [ "$(node --version | sed 's/^v//; s/[.].*//')" -lt 20 ]; then
			lacks "$part" "Node $(node --version) is too old for it: 20 or later is needed (https://nodejs.org)"
		elif [ ! -e "$dir" ] && ! command -v npm >/dev/null; then
			lacks "$part" "npm is missing, which fetches it"
		else
			mkdir -p "$cache/parts"
			fetch_oidc_provider
			echo "$dir/node_modules/oidc-provider/lib/index.js"
		fi
		;;
	pgbouncer)
		PATH=$PATH:/usr/sbin command -v pgbouncer || lacks "$part" "it is not installed (Debian: pgbouncer)"
		;;
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
	python-servers)
		dir=$cache/parts/python-servers-$(hash_of "$apps/requirements.txt" <(python3 --version))
		if python3 -c 'import ensurepip' 2>/dev/null; then
			fetch_once python-servers fetch_python_servers
			echo "$dir/bin/python"
		else
			lacks "$part" "Python's venv is missing (Debian: python3-venv)"
		fi
		;;
	smtp)
		if /usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null; then
			echo /usr/bin/python3
		else
			lacks "$part" "aiosmtpd is missing (Debian: python3-aiosmtpd; e2e/scripts/setup.sh servers installs it)"
		fi
		;;
	prometheus | statsd-exporter)
		if command -v go >/dev/null; then
			dir=$("$cluster_dir/build.sh" "$part")
			echo "$dir/${part/-/_}"
		else
			lacks "$part" "Go is missing, which it is built with (https://go.dev/dl)"
		fi
		;;
	tor)
		PATH=$PATH:/usr/sbin command -v tor || lacks "$part" "it is not installed (Debian: tor)"
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
