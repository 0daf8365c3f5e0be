# The logic is in e2e/scripts; here is what there is. Variables:
#   CONTEXT=...            a context of your kubeconfig instead of kind or the local cluster
#   CLUSTER=local|kind     decides between these two (default: kind if Docker and kind are there)
#   REGISTRY=... TAG=...   names of the images
#   TOOLCHAIN=NAME         of Rust, for make unit, lint and install (default: the pinned one)
#   STATE=DIR              where the local cluster is
#   ONLY=...               parts of make test (e2e/scripts/test.sh has their names), or e2e tests by theirs
.DEFAULT_GOAL := help
SHELL := /bin/bash
scripts := e2e/scripts

.PHONY: help up down kubeconfig test check fmt lint unit generate check-generated images cluster chart deny \
	e2e e2e-kind traffic fuzz hostile coverage bench-smoke install

help: ## This list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 26
	@sed -n 's/^#   \([A-Z]\)/  \1/p' Makefile

up: ## From nothing to the answer of a Microservice on a real cluster
	@$(scripts)/up.sh

down: ## Remove everything that make up made
	@$(scripts)/down.sh

kubeconfig: ## Print the path of the cluster's kubeconfig (make -s kubeconfig)
	@$(scripts)/kubeconfig.sh

test: ## Everything: format, lints, all tests, e2e on a real cluster of its own (ONLY=unit, ONLY=drift)
	@$(scripts)/test.sh

check: ## The fast inner loop: format, lints, tests without a cluster
	@$(scripts)/check.sh

fmt: ## Format the Rust code
	cargo fmt --all

lint: ## Clippy, warnings are errors
	@$(scripts)/cargo.sh clippy --locked --workspace --all-targets -- -D warnings

unit: ## Unit, golden and fake API tests
	@$(scripts)/cargo.sh test --locked --workspace

generate: ## Write the CRD out of the Rust types into crds/ and the chart
	@$(scripts)/generate.sh

check-generated: ## Fail when that CRD is stale
	@$(scripts)/generate.sh --check

images: ## Image archives of operator, service, e2e-client and nginx, without a daemon (OUT=DIR copies them)
	@$(scripts)/images.sh

cluster: ## Only the local cluster, with CoreDNS and Prometheus
	@$(scripts)/setup.sh cluster
	@e2e/cluster/up.sh

chart: ## Lint and render the chart, check its schema
	@$(scripts)/chart.sh

deny: ## Licences, bans and sources of all dependencies (cargo deny)
	@$(scripts)/deny.sh

e2e: ## The e2e tests alone, on the cluster of make up (or CONTEXT=...)
	@$(scripts)/e2e.sh

e2e-kind: ## The e2e tests on kind
	@CLUSTER=kind $(scripts)/e2e.sh

traffic: ## A million requests while everything changes: none may be lost (15 min; TABLE=FILE)
	@$(scripts)/traffic.sh

fuzz: ## 5000 requests for each of the service's profiles, made of its OpenAPI document, and for each format of its log (REQUESTS=, SEED=)
	@$(scripts)/fuzz.sh

hostile: ## Thousands of idle, slow and deaf clients against the service: good ones are served as fast, memory has a bound
	@$(scripts)/hostile.sh

coverage: ## Lines of the service and its chassis that tests run: at least 90 %, with junit, Cobertura and HTML (OUT=DIR)
	@$(scripts)/coverage.sh

install: ## The service, and its names pymicro_server and pymicro_uwsgi, in PREFIX/bin (PREFIX=/usr/local)
	@$(scripts)/install.sh

bench-smoke: ## A table: apply to Ready, memory, program sizes; asserts nothing
	@$(scripts)/bench-smoke.sh
