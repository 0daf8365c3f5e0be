//! The real nginx reads what we write for it, does what it should, and says the same of snippets as
//! we do.
//!
//! `NGINX_PROGRAM` is the program: `e2e/scripts/nginx.sh` gets it, and the applications that it stands in front of, and
//! runs these tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod answers;
mod apps;
mod program;
mod proxy;
mod snippets;

use std::{fs, path::Path};

use operator_core::nginx::{Contract, DIRECTIVES, Place, check, parse};
use program::{Folder, config, test};
use serde_json::json;
use snippets::{Snippet, snippets};

/// peers: nginx/docker-nginx-unprivileged#17, #43: nothing is written but below /tmp
#[test]
#[ignore = "needs nginx"]
fn nginx_takes_the_configuration_of_every_golden_case() {
    let folder = Folder::new("golden");
    let mut taken = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")).unwrap() {
        let path = entry.unwrap().path();
        if !path.to_string_lossy().ends_with(".in.yaml") {
            continue;
        }
        let input: serde_json::Value = serde_yaml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let Some(config) = config(&input["spec"], false) else { continue };
        let says = test(&folder, &config);
        // A warning would be a line in every pod's log.
        assert_eq!(says, Ok(String::new()), "{}", path.display());
        taken += 1;
    }
    assert!(taken >= 5, "only {taken} configurations");
}

/// Where a snippet goes in the configuration of `spec: {}`.
fn with(config: &str, snippet: &Snippet) -> String {
    let mark = match snippet.place {
        Place::Http => "    upstream service {",
        _ => "        location / {",
    };
    config.replacen(mark, &format!("{}\n{mark}", snippet.text), 1)
}

#[test]
#[ignore = "needs nginx"]
fn we_say_of_snippets_what_nginx_says() {
    let folder = Folder::new("snippets");
    let config = config(&json!({}), false).unwrap();
    let contract =
        Contract { around: parse(&config).unwrap(), ports: vec![8080, 8081, 9090], foreign_nginx: false };
    let mut wrong = Vec::new();
    for snippet in snippets() {
        let theirs = test(&folder, &with(&config, &snippet));
        let ours = check(&snippet.text, snippet.place, &contract);
        if theirs.is_ok() != ours.is_ok() || theirs.is_ok() != snippet.good {
            let Snippet { text, good, .. } = snippet;
            wrong.push(format!("{text}\n  expected good: {good}\n  nginx: {theirs:?}\n  we: {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each stands in a place and with a number of arguments of our table: nginx may complain of the
/// values alone.
#[test]
#[ignore = "needs nginx"]
fn nginx_knows_every_directive_of_our_table() {
    let folder = Folder::new("directives");
    let mut wrong = Vec::new();
    for line in DIRECTIVES.lines() {
        let words: Vec<_> = line.split(' ').collect();
        let (name, least) = (words[0], words[2].split('-').next().unwrap().parse().unwrap());
        let block = words.get(3).is_some_and(|marks| marks.contains('{'));
        let directive = format!("{name}{}{}", " a".repeat(least), if block { " { }" } else { ";" });
        let (before, after) = match words[1].chars().next().unwrap() {
            'H' => ("", ""),
            'S' => ("server {", "}"),
            'L' => ("server { location / {", "} }"),
            'U' => ("upstream u { server 127.0.0.1;", "}"),
            'I' => ("server { if ($host) {", "} }"),
            'J' => ("server { location / { if ($host) {", "} } }"),
            _ => ("server { location / { limit_except GET {", "} } }"),
        };
        let config =
            format!("events {{ }} pid /tmp/pid; http {{ access_log off; {before} {directive} {after} }}");
        let says = test(&folder, &config).unwrap_or_else(|says| says);
        let about_shape = [
            "unknown directive",
            "is not allowed here",
            "invalid number of arguments",
            "is not terminated by",
            "has no opening",
        ];
        if about_shape.iter().any(|words| says.contains(words)) {
            wrong.push(format!("{line}: {says}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
