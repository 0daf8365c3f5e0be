//! Where a pod answers.

/// Path that the kubelet asks for readiness; nginx passes it on, so that a pod is ready only when
/// the way through nginx to the service works.
pub const READY_PATH: &str = "/-/readyz";

/// Host that it asks for it: nginx has a server for that name, which nothing made for clients reaches.
pub const READY_HOST: &str = "readiness.microservice.dev";

/// Names of ports.
pub(super) const HTTP_PORT: &str = "http";
pub(super) const HTTPS_PORT: &str = "https";
pub(super) const SERVICE_PORT: &str = "service";
pub(super) const METRICS_PORT: &str = "metrics";
