//! Each `golden/NAME.in.yaml` (a Microservice) becomes the objects of `golden/NAME.out.yaml`, byte
//! for byte; where there is a `golden/NAME.live.yaml`, the cluster has those of its objects already. `BLESS=1 cargo test` writes them anew: read the difference before you commit it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{fs, path::Path};

use kube::core::DynamicObject;
use operator_core::{
    api::Microservice,
    manifests::build,
    model::{Child, Network, Settings},
    observed::{Entry, Live, Observed},
    plan::validate,
};
use serde::Deserialize;
use strum::VariantArray;

/// The objects of a YAML stream, each as the child of its kind.
fn observed(live: &str) -> Observed {
    let documents = serde_yaml::Deserializer::from_str(live).map(|d| DynamicObject::deserialize(d).unwrap());
    let children = documents.map(|object| {
        let kind = object.types.as_ref().expect("a kind").kind.clone();
        let child = Child::VARIANTS.iter().find(|child| child.kind().name() == kind).expect("a kind of ours");
        (*child, Live::Ours(Entry { object: object.into(), settled: None }))
    });
    Observed { children: children.collect(), ..Observed::default() }
}

fn render(input: &str, live: Option<&str>) -> String {
    let mut microservice: Microservice = serde_yaml::from_str(input).unwrap();
    microservice.metadata.uid = Some("11111111-2222-3333-4444-555555555555".into());
    let settings = Settings {
        service_image: "microservice-dev/service:test".into(),
        proxy_image: "nginx-unprivileged:test".into(),
        statsd_image: "statsd-exporter:test".into(),
        pull_secrets: Vec::new(),
        network: Network {
            operator_namespace: Some("microservice-system".into()),
            monitoring_namespaces: vec!["monitoring".into()],
            ingress_namespaces: vec!["ingress-nginx".into()],
            ..Network::default()
        },
    };
    let observed = live.map(observed).unwrap_or_default();
    let resolved = validate(&microservice, &observed, &settings).expect("a valid example");
    let children = build(&resolved);
    let configuration: Vec<_> = children.immutable().map(|map| serde_yaml::to_string(map).unwrap()).collect();
    let objects = children.into_objects().into_iter().map(|(_, body)| serde_yaml::to_string(&body).unwrap());
    configuration.into_iter().chain(objects).collect::<Vec<_>>().join("---\n")
}

#[test]
fn every_example_becomes_what_is_written_down() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut cases = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let Some(name) = path.file_name().unwrap().to_str().unwrap().strip_suffix(".in.yaml") else {
            continue;
        };
        let live = fs::read_to_string(folder.join(format!("{name}.live.yaml"))).ok();
        let actual = render(&fs::read_to_string(&path).unwrap(), live.as_deref());
        let expected_path = folder.join(format!("{name}.out.yaml"));
        if std::env::var_os("BLESS").is_some() {
            fs::write(&expected_path, &actual).unwrap();
        }
        let expected = fs::read_to_string(&expected_path).unwrap_or_default();
        assert!(
            actual == expected,
            "{name}: not as in {name}.out.yaml; run with BLESS=1 and read the difference\n{actual}"
        );
        cases += 1;
    }
    assert!(cases >= 8, "only {cases} cases found");
}
