#!/bin/bash
# generate.sh: writes the CRD out of the Rust types, into crds/ and the chart.
# generate.sh --check: fails when what is written there is another.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
crd=crds/microservices.microservice.dev.yaml
template=charts/microservice-operator/templates/crd.yaml
work=$(mktemp -d)
on_end() { rm -rf "$work"; }

build_programs --quiet
"$CARGO_TARGET_DIR/debug/microservice-operator" crd >"$work/crd.yaml"
# For helm: left out where another release has it; kept when the release is
# uninstalled, since with the CRD every Microservice would go; and no text of a
# description is taken for a template.
sed 's/{{/\x01/g; s/}}/{{ "}}" }}/g; s/\x01/{{ "{{" }}/g' "$work/crd.yaml" | awk '
	BEGIN { print "{{- if .Values.crd.create }}" }
	END { print "{{- end }}" }
	/^metadata:$/ { print; print "  annotations:"; print "    helm.sh/resource-policy: keep"; inside = 1; next }
	/^[a-z]/ { inside = 0 }
	inside && /^  annotations:$/ { print "generate.sh: the CRD has annotations of its own now: merge them" >"/dev/stderr"; exit 1 }
	{ print }' >"$work/template.yaml"
grep -q '^    helm.sh/resource-policy: keep$' "$work/template.yaml" || die "the CRD has no metadata to annotate"

if [ "${1:-}" = --check ]; then
	stale=
	diff -u "$crd" "$work/crd.yaml" || stale="$stale $crd"
	diff -u "$template" "$work/template.yaml" || stale="$stale $template"
	[ -z "$stale" ] || die "stale:$stale; run make generate, and commit what it writes"
else
	cp "$work/crd.yaml" "$crd"
	cp "$work/template.yaml" "$template"
	say "written: $crd $template"
fi
