use super::service;
use crate::model::{
    ResolvedMicroservice,
    foreign::{BackendRef, HTTPRoute, HttpRouteSpec, Match, PathMatch, Rule},
    meta::object_meta,
};

/// One rule that leads to the Service's port http.
pub(super) fn build(resolved: &ResolvedMicroservice) -> HTTPRoute {
    let wanted = resolved.spec.expose.http_route.as_ref();
    let spec = wanted.map(|route| HttpRouteSpec {
        parent_refs: route.parent_refs.clone(),
        hostnames: route.hostnames.clone(),
        rules: vec![Rule {
            matches: vec![Match {
                path: PathMatch { type_: "PathPrefix".into(), value: route.path.clone() },
            }],
            backend_refs: vec![BackendRef { name: resolved.child_name.clone(), port: service::HTTP_NUMBER }],
        }],
    });
    HTTPRoute { metadata: object_meta(resolved), spec: spec.unwrap_or_default() }
}
