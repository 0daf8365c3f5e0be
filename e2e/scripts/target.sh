# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # from lib.sh and the environment, and for those who source this
# The cluster that a script works on, and what is done to it; sourced after
# lib.sh. It is a context of the user's kubeconfig (CONTEXT=), or kind where
# Docker and kind are there, or the local cluster. CLUSTER=local or CLUSTER=kind
# decides without looking.

# What the tests want of the local cluster; a given one has it or not.
test_addons='coredns prometheus-operator metrics-server prometheus-adapter'

# test_images: those of the tests. Only the local cluster cannot pull the servers among them.
test_images() {
	echo operator service e2e-client
	[ "$cluster" != local ] || echo postgres zipkin
}

namespace=microservice-system release=microservice-operator
chart=$repo/charts/microservice-operator
kind_name=microservice
kind_image=${KIND_IMAGE:-}

# choose_cluster: sets $cluster to given, kind or local.
choose_cluster() {
	if [ -n "${CONTEXT:-}" ]; then
		cluster=given
	elif [ -n "${CLUSTER:-}" ]; then
		cluster=$CLUSTER
	elif has_kind; then
		cluster=kind
	else
		cluster=local
	fi
	case $cluster in
	given) say "cluster: the context $CONTEXT" ;;
	kind)
		has_kind || die "kind needs the program kind and a running Docker (docker info), or leave CLUSTER away"
		say "cluster: kind ($kind_name)"
		;;
	local) say "cluster: the local one, in $STATE" ;;
	*) die "CLUSTER is $cluster; use local or kind, or CONTEXT=<a context of your kubeconfig>" ;;
	esac
}
# The command docker alone is no Docker: it must reach a server.
has_kind() { command -v kind >/dev/null && command -v docker >/dev/null && docker info >/dev/null 2>&1; }

# kubeconfig_path: where the kubeconfig of the chosen cluster is.
kubeconfig_path() {
	case $cluster in
	given) echo "$cache/clusters/context-$(printf '%s' "$CONTEXT" | tr -c 'a-zA-Z0-9\n' -)/kubeconfig" ;;
	kind) echo "$cache/clusters/kind/kubeconfig" ;;
	local) echo "$STATE/kubeconfig" ;;
	esac
}

# (type -P and not command -v: that would find the functions of these names.)
# use_tools: kubectl and helm, the cluster's own or the user's, as $KUBECTL and $HELM.
use_tools() {
	if [ "$cluster" = local ]; then
		KUBECTL=$STATE/bin/kubectl HELM=$STATE/bin/helm
	else
		KUBECTL=$(type -P kubectl) || KUBECTL=$("$cluster_dir/build.sh" kubernetes)/kubectl
		HELM=$(type -P helm) || HELM=$("$cluster_dir/build.sh" helm)/helm
	fi
	export KUBECTL HELM
	# As kubectl's cache below: helm's belongs to this cluster alone.
	local home
	home=$(dirname "$KUBECONFIG")/helm
	export HELM_CACHE_HOME=$home HELM_CONFIG_HOME=$home HELM_DATA_HOME=$home
}
kubectl() { "$KUBECTL" "$@"; }
helm() { "$HELM" "$@"; }

# start_cluster: it runs, and KUBECONFIG names it and nothing else.
start_cluster() {
	local path dir
	cluster_started=1
	path=$(kubeconfig_path)
	dir=$(dirname "$path")
	case $cluster in
	given)
		KUBECTL=$(type -P kubectl) || KUBECTL=$("$cluster_dir/build.sh" kubernetes)/kubectl
		mkdir -p "$dir"
		(umask 077 && "$KUBECTL" config view --context "$CONTEXT" --minify --flatten --raw >"$path.new") ||
			{ rm -r "$dir" && die "no context $CONTEXT in your kubeconfig (kubectl config get-contexts)"; }
		mv "$path.new" "$path"
		;;
	kind)
		mkdir -p "$dir"
		if ! kind get clusters 2>/dev/null | grep -qx "$kind_name"; then
			progress "starting kind" "$cache/log/kind.log" kind create cluster --name "$kind_name" \
				--config "$repo/e2e/kind.yaml" --kubeconfig "$path" --wait 120s ${kind_image:+--image "$kind_image"}
		fi
		kind get kubeconfig --name "$kind_name" >"$path"
		;;
	local) "$cluster_dir/up.sh" ;;
	esac
	export KUBECONFIG=$path KUBECACHEDIR=$dir/kubectl-cache
	use_tools
	kubectl version --request-timeout 20s >/dev/null || die "the cluster's API server does not answer (kubectl version)"
	if [ "$cluster" = kind ]; then install_prometheus; fi
}

# install_prometheus: the same Prometheus operator as in the local cluster, with
# its published images, for a cluster that can pull them.
install_prometheus() {
	! kubectl get namespace monitoring >/dev/null 2>&1 || return 0
	command -v go >/dev/null || {
		say "note: no Prometheus operator is installed (its CRDs come with its Go module, and Go is missing); Microservices say Monitored=False"
		return
	}
	local module
	published() { sed -n "s#^$1##p" "$module/bundle.yaml" | tail -n 1; }
	module=$(go -C "$cluster_dir/programs/prometheus-operator" list -m -f '{{.Dir}}' github.com/prometheus-operator/prometheus-operator) ||
		return
	[ -n "$module" ] || module=$(go -C "$cluster_dir/programs/prometheus-operator" mod download -json github.com/prometheus-operator/prometheus-operator | jq -r .Dir)
	kubectl apply --server-side -f "$module/example/prometheus-operator-crd/" >/dev/null
	kubectl wait --for condition=Established crd --all --timeout 60s >/dev/null
	# The published images are named in the module; of Prometheus itself the
	# operator knows the name.
	sed "s#localhost/prometheus-operator:.*#$(published '        image: ')#
		s#localhost/prometheus-config-reloader:.*#$(published '        - --prometheus-config-reloader=')#
		/image: localhost\/prometheus:/d" "$cluster_dir/addons/prometheus-operator.yaml" | kubectl apply -f - >/dev/null
	kubectl wait --for condition=Available -n monitoring prometheus/main --timeout 300s >/dev/null
}

# build_images NAME...: makes $image[NAME] and $archive[NAME].
declare -A image archive
build_images() {
	local line name
	if [ "$cluster" = given ]; then
		# A cluster that we cannot load images into pulls them.
		local tag=${TAG:-$(release_version)}
		for name; do image[$name]=${REGISTRY:+${REGISTRY%/}/}microservice-dev/$name:$tag; done
		say "the cluster pulls its images: ${image[*]}"
		say "(REGISTRY= and TAG= choose others; make images REGISTRY=... TAG=... OUT=dist makes archives to push)"
		return
	fi
	# Only the local cluster cannot pull these.
	[ "$cluster" != local ] || set -- "$@" nginx statsd-exporter
	while read -r name line; do
		image[$name]=${line% *}
		archive[$name]=${line#* }
	done < <("$scripts/images.sh" "$@" || echo FAILED)
	[ -z "${image[FAILED]+x}" ] || exit 1
}
release_version() { sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$repo/Cargo.toml"; }

load_images() {
	case $cluster in
	local) "$cluster_dir/load.sh" "${archive[@]}" ;;
	kind)
		local path
		for path in "${archive[@]}"; do kind load image-archive --name "$kind_name" "$path"; done
		;;
	esac
}

# install_chart: the operator with our images, and waits for it.
install_chart() {
	local monitoring=()
	# What the tests look at. A local cluster has no Prometheus operator where ADDONS leaves it out.
	if [ "$cluster" = local ] && kubectl get crd prometheusrules.monitoring.coreos.com >/dev/null 2>&1; then
		monitoring=(--set serviceMonitor.enabled=true --set serviceMonitor.interval=2s
			--set prometheusRule.enabled=true --set dashboard.enabled=true --set operatorNetworkPolicy.enabled=true)
	fi
	helm upgrade --install "$release" "$chart" -n "$namespace" --create-namespace \
		--set "image.repository=${image[operator]%:*}" --set "image.tag=${image[operator]##*:}" \
		--set "serviceImage.repository=${image[service]%:*}" --set "serviceImage.tag=${image[service]##*:}" \
		"${monitoring[@]}" --wait --timeout 120s >"$cache/log/helm.log" 2>&1 || {
		cat "$cache/log/helm.log" >&2
		return 1
	}
}

# bring_up_operator NAME...: the chosen cluster with the operator of this
# checkout and the images of these names, in the phases that users see.
bring_up_operator() {
	phase "images"
	build_images "$@"
	phase "cluster"
	start_cluster
	phase "load images"
	load_images
	phase "operator"
	install_chart
}

# A cluster of the script's own ends with the script.
cluster_started=
if [ -n "${own_cluster:-}" ]; then
	cluster=local
	on_failure() {
		case $1 in operator | e2e | traffic) diagnose ;; esac
	}
	on_end() {
		[ -n "$cluster_started" ] || return 0
		if [ -n "${KEEP:-}" ] && alive; then
			say "kept: export KUBECONFIG=$STATE/kubeconfig; remove it with STATE=$STATE make down"
		else
			"$cluster_dir/down.sh"
		fi
	}
fi

# diagnose: what helps to understand a failure on the cluster.
diagnose() {
	say "--- pods"
	kubectl get pods -A -o wide
	say "--- Microservices"
	kubectl get microservices -A -o yaml --ignore-not-found
	say "--- events, newest last"
	kubectl get events -A --sort-by .metadata.creationTimestamp | tail -n 60
	say "--- the operators' logs, and which of them works"
	kubectl logs -n "$namespace" -l "app.kubernetes.io/instance=$release" --prefix --all-containers --tail 200
	kubectl logs -n "$namespace" -l "app.kubernetes.io/instance=$release" --prefix --all-containers --tail 50 --previous 2>/dev/null
	kubectl get lease -n "$namespace" "$release" -o yaml
	if [ "$cluster" = local ]; then
		local kept
		kept=$cache/log/failed-$(date +%Y%m%d-%H%M%S)
		cp -r "$STATE/log" "$kept" && say "--- the cluster's own logs: $kept"
		find "$cache/log" -maxdepth 1 -name 'failed-*' | sort | head -n -3 | xargs -r rm -r
	fi
} >&2

# run_e2e [NAME...]: the tests that need a cluster with the operator. NAME chooses
# those whose path has it, or one of the programs: side_by_side, alone, traffic.
run_e2e() {
	local state='' gateway_api='' program names found=
	[ "$cluster" != local ] || state=$STATE
	# A definition that a test installs and deletes.
	! command -v go >/dev/null || gateway_api=$("$cluster_dir/build.sh" gateway-api)
	export E2E_KUBECTL=$KUBECTL E2E_HELM=$HELM E2E_CHART=$chart E2E_STATE=$state E2E_GATEWAY_API=$gateway_api \
		E2E_OPERATOR_NAMESPACE=$namespace \
		E2E_OPERATOR_IMAGE=${image[operator]} E2E_SERVICE_IMAGE=${image[service]} E2E_CLIENT_IMAGE=${image[e2e-client]}
	for program in side_by_side alone traffic; do
		names=("$@")
		case " $* " in *" $program "*) names=() ;; esac
		[ ${#names[@]} = 0 ] || e2e_tests "$program" --list "${names[@]}" | grep ': test$' >/dev/null || continue
		found=1
		e2e_tests "$program" --test-threads="$(e2e_threads "$program")" "${names[@]}"
	done
	[ -n "$found" ] || die "no e2e test has a name with $*"
}
e2e_tests() { cargo test --locked --workspace --test "$1" -- --ignored "${@:2}"; }
# Those side by side wait for the most part; more at a time are too much for two processors. Of the others one
# waits for its turn, which comes while the namespace of the last still goes.
e2e_threads() { if [ "$1" = side_by_side ]; then echo "${TEST_THREADS:-8}"; else echo 2; fi; }
