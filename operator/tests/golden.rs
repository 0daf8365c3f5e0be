//! Each `golden/NAME.in.yaml` (a Microservice) becomes the objects of `golden/NAME.out.yaml`, byte
//! for byte. `BLESS=1 cargo test` writes them anew: read the difference before you commit it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{fs, path::Path};

use operator::{
    api::Microservice,
    build::build,
    controller::{Settings, observe::Observed, validate::validate},
};

fn render(input: &str) -> String {
    let mut microservice: Microservice = serde_yaml::from_str(input).unwrap();
    microservice.metadata.uid = Some("11111111-2222-3333-4444-555555555555".into());
    let settings = Settings {
        service_image: "microservice-dev/service:test".into(),
        proxy_image: "nginx-unprivileged:test".into(),
    };
    let validated = validate(&microservice, &Observed::default(), &settings).expect("a valid example");
    let documents: Vec<_> =
        build(&validated).iter().map(|(_, body)| serde_yaml::to_string(body).unwrap()).collect();
    documents.join("---\n")
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
        let (expected_path, actual) =
            (folder.join(format!("{name}.out.yaml")), render(&fs::read_to_string(&path).unwrap()));
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
    assert!(cases >= 4, "only {cases} cases found");
}
