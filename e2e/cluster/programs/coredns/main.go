// CoreDNS with the plugins that the cluster's Corefile uses, and no others: the
// stock program also holds the clients of three clouds and takes twice as long
// to build.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/metrics"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/reload"
)

func main() {
	// In the order in which a query passes them.
	dnsserver.Directives = []string{"reload", "health", "ready", "prometheus", "errors", "kubernetes"}
	coremain.Run()
}
