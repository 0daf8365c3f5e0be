//! `docs/regressions.md` lists every thread of the peers' users that a test names in a line
//! `peers: owner/repository#number, …`. `BLESS=1 cargo test -p e2e --test regressions` writes it anew.

#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

const BEGIN: &str = "<!-- made of the tests: BLESS=1 cargo test -p e2e --test regressions -->\n";
const END: &str = "<!-- end -->";

#[test]
fn every_thread_that_a_test_names_is_listed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut rows = BTreeSet::new();
    for folder in ["operator/core", "operator/src", "operator/tests", "e2e/tests"] {
        let mut files = Vec::new();
        rust_files(&root.join(folder), &mut files);
        for file in files {
            let name = file.strip_prefix(&root).unwrap().display().to_string();
            let found = named(&fs::read_to_string(&file).unwrap());
            rows.extend(found.into_iter().map(|(threads, test)| (name.clone(), test, threads)));
        }
    }
    assert!(rows.len() >= 35, "only {} tests name a thread", rows.len());
    let mut table = String::from("| threads | test |\n|---|---|\n");
    for (file, test, threads) in rows {
        writeln!(table, "| {threads} | [`{test}`](../{file}) |").unwrap();
    }
    let path = root.join("docs/regressions.md");
    let document = fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let fresh = format!("{before}{BEGIN}{table}{END}{after}");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &fresh).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap() == fresh, "docs/regressions.md is stale: run with BLESS=1");
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The threads that a comment names, and the first test after it.
fn named(text: &str) -> Vec<(String, String)> {
    let (mut threads, mut found) = (String::new(), Vec::new());
    let (mut in_threads, mut is_test) = (false, false);
    for line in text.lines().map(str::trim) {
        let comment = line.strip_prefix("//!").or_else(|| line.strip_prefix("///")).map(str::trim);
        if let Some(comment) = comment {
            let rest = comment.strip_prefix("peers: ");
            in_threads = rest.is_some() || (in_threads && !comment.is_empty());
            if in_threads {
                let gap = if threads.is_empty() { "" } else { " " };
                write!(threads, "{gap}{}", rest.unwrap_or(comment)).unwrap();
            }
        } else {
            in_threads = false;
            is_test |= line.starts_with("#[") && line.contains("test");
            let function = line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn "));
            if let Some((name, _)) = function.and_then(|line| line.split_once('('))
                && std::mem::take(&mut is_test)
                && !threads.is_empty()
            {
                found.push((std::mem::take(&mut threads), name.to_owned()));
            }
        }
    }
    found
}
