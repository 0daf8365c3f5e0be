//go:build tools

// Keeps the command in go.mod; see build.sh.
package tools

import _ "sigs.k8s.io/prometheus-adapter/cmd/adapter"
