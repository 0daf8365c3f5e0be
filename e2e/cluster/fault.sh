#!/bin/bash
# fault.sh kill PART           kill -9; the part is restarted at once
# fault.sh stop PART           kill -9 and do not restart
# fault.sh start PART          end of stop
# fault.sh pause|resume PART   SIGSTOP, SIGCONT: connections stay open
#
# PART: etcd kube-apiserver kube-controller-manager kube-scheduler kubelet
#       kube-proxy containerd relay
set -euo pipefail
. "$(dirname "$0")/lib.sh"
[ $# = 2 ] || die "usage: fault.sh kill|stop|start|pause|resume PART"
part=$2
init=$(init_pid)
[ -e "$STATE/run/$part.pid" ] || die "no part named $part"
signal() { nsenter -t "$init" -p -- /bin/kill "$1" "$(cat "$STATE/run/$part.pid")"; }
case $1 in
kill) signal -KILL ;;
stop)
	touch "$STATE/hold/$part"
	signal -KILL
	;;
start) rm -f "$STATE/hold/$part" ;;
pause) signal -STOP ;;
resume) signal -CONT ;;
*) die "usage: fault.sh kill|stop|start|pause|resume PART" ;;
esac
