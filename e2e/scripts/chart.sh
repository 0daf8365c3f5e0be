#!/bin/bash
# chart.sh: lints the chart, renders it with every set of values in its ci/, and
# shows that its schema refuses values that are wrong.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
chart=charts/microservice-operator
helm=$(type -P helm) || helm=$("$cluster_dir/build.sh" helm)/helm
work=$(mktemp -d)
on_end() { rm -rf "$work"; }
export HELM_CACHE_HOME=$work HELM_CONFIG_HOME=$work HELM_DATA_HOME=$work

version=$(sed -n 's/^appVersion: *"\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' $chart/Chart.yaml)
crate=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
[ "$version" = "$crate" ] || die "the chart's appVersion is $version, the crates' version is $crate; make them equal"

render() { "$helm" template test "$chart" --namespace test --include-crds "$@"; }
for values in "$chart"/ci/*-values.yaml; do
	"$helm" lint --strict --quiet "$chart" -f "$values"
	render -f "$values" >"$work/rendered.yaml"
	grep -q '^kind: Deployment$' "$work/rendered.yaml" || die "no Deployment with $values"
	grep -q '^    helm.sh/resource-policy: keep$' "$work/rendered.yaml" || die "no CRD that is kept, with $values"
	say "rendered with $(basename "$values"): $(grep -c '^kind: ' "$work/rendered.yaml") objects"
done
# An operator of some namespaces has no right in others.
render -f "$chart/ci/scoped-values.yaml" >"$work/rendered.yaml"
! grep -q '^kind: ClusterRole' "$work/rendered.yaml" || die "a ClusterRole with scope.namespaces"
[ "$(grep -c '^  namespace: \(shop\|billing\)$' "$work/rendered.yaml")" = 4 ] || die "not one Role and one RoleBinding in each namespace"
! grep -q 'resources: \[secrets\]' "$work/rendered.yaml" || die "a right to Secrets with references.secrets=false"
# Another release in the same cluster.
! render --set crd.create=false | grep -q '^kind: CustomResourceDefinition' || die "a CRD with crd.create=false"
# Nobody reads a schema that refuses nothing.
for wrong in replicas=many replicas=-1 image.pullPolicy=Sometimes image.tags=1 log.level=loud log.format=xml \
	networkPolicy.ingressNamespaces=ingress-nginx serviceMonitor.interval=soon prometheusRule.enabled=maybe \
	dashboard.labels.team=1 operatorNetworkPolicy.from=all scope.namespaces=shop references.secrets=maybe crd.create=maybe \
	serviceAccount.create=false; do
	if render --set "$wrong" >/dev/null 2>"$work/refusal"; then die "the chart accepts --set $wrong"; fi
	say "refused --set $wrong: $(grep -v '^Error: values don\|^microservice-operator:$\|^$' "$work/refusal" | head -n 1)"
done
