#!/bin/bash
# exec.sh COMMAND...: runs a command on this machine's files but in the
# cluster's network, where pod and service addresses can be reached.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
use_cluster
init=$(init_pid)
exec nsenter -t "$init" -n -- "$@"
