#!/bin/bash
# request.sh SERVICE_IMAGE URL BODY: sends one request from a pod of the cluster
# and prints the answer. The service's own program is the client: no other image
# is needed.
# shellcheck disable=SC2317 # on_end is called by name
set -euo pipefail
. "$(dirname "$0")/lib.sh"
name=request-$RANDOM$RANDOM
pod() {
	jq -n --arg name "$1" --arg image "$2" --arg url "$3" --arg body "$4" '
		{apiVersion: "v1", kind: "Pod", metadata: {name: $name},
		 spec: {restartPolicy: "Never", automountServiceAccountToken: false,
		        securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: "RuntimeDefault"}},
		        containers: [{name: "request", image: $image, imagePullPolicy: "IfNotPresent",
		                      args: ["fetch", $url, "--data", $body],
		                      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true,
		                                        capabilities: {drop: ["ALL"]}}}]}}'
}
on_end() { "$KUBECTL" delete pod "$name" --now --ignore-not-found >/dev/null; }
# Just after a pod is ready, the node may not have a rule for its Service yet.
for attempt in 1 2 3 4 5; do
	pod "$name" "$1" "$2" "$3" | "$KUBECTL" apply -f - >/dev/null
	until result=$("$KUBECTL" get pod "$name" -o jsonpath='{.status.phase}') && [[ $result =~ Succeeded|Failed ]]; do
		[ $SECONDS -lt 60 ] || {
			"$KUBECTL" describe pod "$name" >&2
			die "the request's pod did not end in 60 s"
		}
		sleep 0.2
	done
	if [ "$result" = Succeeded ]; then
		"$KUBECTL" logs "$name"
		exit
	fi
	"$KUBECTL" logs "$name" >&2
	"$KUBECTL" delete pod "$name" --now >/dev/null
	say "attempt $attempt failed"
	sleep 1
done
die "no answer from $2"
