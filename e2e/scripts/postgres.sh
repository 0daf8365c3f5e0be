#!/bin/bash
# postgres.sh BIN PORT: a PostgreSQL server for tests on 127.0.0.1:PORT, with the
# programs in BIN and its data in a directory of its own. It takes commands from
# standard input, one a line, and says "done" after each:
#   start      and wait until it takes connections
#   stop       at once, as in a failover
#   freeze     it is there and answers nothing
#   thaw
# At the end of standard input, also when a test was killed, nothing of it is left.
# The user is postgres, the password geheim.
set -euo pipefail
bin=$1 port=$2
dir=$(mktemp -d)
as=()
# It refuses to run as root.
if [ "$(id -u)" = 0 ]; then
	as=(setpriv --reuid=postgres --regid=postgres --init-groups)
	chown postgres "$dir"
fi
pid=
stop() {
	[ -n "$pid" ] || return 0
	kill -CONT "$pid" && kill -INT "$pid" && wait "$pid" || true
	pid=
}
trap 'stop; rm -rf "$dir"' EXIT
cd "$dir"
export LC_ALL=C PGPASSWORD=geheim
echo "$PGPASSWORD" >password
chmod 644 password
"${as[@]}" "$bin/initdb" -D "$dir/data" -U postgres -A scram-sha-256 --pwfile=password -E UTF8 --no-sync >initdb.log ||
	{ cat initdb.log >&2 && exit 1; }
while read -r command; do
	case $command in
	start)
		# Durability is not what is tested.
		"${as[@]}" "$bin/postgres" -D "$dir/data" -p "$port" -h 127.0.0.1 -k "$dir" -F \
			-c max_connections=200 -c shared_buffers=16MB -c log_min_messages=fatal >>server.log 2>&1 &
		pid=$!
		for _ in $(seq 400); do
			"$bin/pg_isready" -q -h 127.0.0.1 -p "$port" && break
			kill -0 "$pid" 2>/dev/null || { cat server.log >&2 && exit 1; }
			sleep 0.05
		done
		;;
	stop) stop ;;
	freeze) pkill -STOP -P "$pid" && kill -STOP "$pid" ;;
	thaw) kill -CONT "$pid" && pkill -CONT -P "$pid" ;;
	esac
	echo done
done
