use std::collections::BTreeMap;

use k8s_openapi::{
    api::networking::v1::{
        HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule, IngressServiceBackend,
        IngressSpec, IngressTLS, ServiceBackendPort,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use super::service;
use crate::{
    api,
    model::{
        ResolvedMicroservice,
        meta::{annotated, object_meta},
    },
};

/// cert-manager makes a certificate for an Ingress with one of these.
const ISSUER_ANNOTATION: &str = "cert-manager.io/issuer";
const CLUSTER_ISSUER_ANNOTATION: &str = "cert-manager.io/cluster-issuer";

/// One rule that leads to the Service's port http.
pub(super) fn build(resolved: &ResolvedMicroservice) -> Ingress {
    let ingress = resolved.spec.expose.ingress.as_ref();
    Ingress {
        metadata: metadata(resolved, ingress),
        spec: ingress.map(|ingress| spec(resolved, ingress)),
        ..Default::default()
    }
}

fn metadata(resolved: &ResolvedMicroservice, ingress: Option<&api::Ingress>) -> ObjectMeta {
    let mut annotations = ingress.map(|ingress| ingress.annotations.clone()).unwrap_or_default();
    if let Some(tls) = ingress.and_then(|ingress| ingress.tls.as_ref()) {
        let issuers = BTreeMap::from([
            (ISSUER_ANNOTATION, &tls.issuer),
            (CLUSTER_ISSUER_ANNOTATION, &tls.cluster_issuer),
        ]);
        annotations.extend(issuers.into_iter().filter_map(|(key, name)| Some((key.into(), name.clone()?))));
    }
    annotated(object_meta(resolved), &annotations)
}

fn spec(resolved: &ResolvedMicroservice, ingress: &api::Ingress) -> IngressSpec {
    let backend = IngressBackend {
        service: Some(IngressServiceBackend {
            name: resolved.child_name.clone(),
            port: Some(ServiceBackendPort { name: Some(service::HTTP.into()), number: None }),
        }),
        resource: None,
    };
    IngressSpec {
        ingress_class_name: ingress.class_name.clone(),
        rules: Some(vec![IngressRule {
            host: ingress.host.clone(),
            http: Some(HTTPIngressRuleValue {
                paths: vec![HTTPIngressPath {
                    path: Some(ingress.path.clone()),
                    path_type: "Prefix".into(),
                    backend,
                }],
            }),
        }]),
        tls: ingress.tls.as_ref().map(|tls| {
            let secret = tls.secret_name.clone();
            vec![IngressTLS {
                hosts: ingress.host.clone().map(|host| vec![host]),
                secret_name: Some(secret.unwrap_or_else(|| format!("{}-tls", resolved.child_name))),
            }]
        }),
        ..Default::default()
    }
}
