//! `docs/contract.md` tells for every line of the contract which tests are about it, and tells the truth.
//!
//! A test says what it is about in its doc comment, `/// contract 1.1.7, contract 0b.3`, or in its name,
//! `contract_1_1_7_...`. The table's third column is made from that: `BLESS=1 cargo test -p service --test contract`.

#![cfg(test)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

const TABLE: &str = "docs/contract.md";

/// What says that nothing is there yet; goes when a test comes.
const NOT_YET: &str = "not yet";

/// Sections with the number of the last line of each of their parts; lines count on through a section.
const LINES: [(u32, &[u32]); 5] = [
    (1, &[12, 19, 24, 26, 30, 34, 36]),
    (2, &[3, 10, 18, 23, 31]),
    (3, &[13, 17]),
    (4, &[5, 9, 16, 27, 28]),
    (5, &[9, 11, 18, 21, 23, 25, 30, 32, 35, 36, 37]),
];

/// The decisions, `0b.1` to `0b.14`.
const DECISIONS: u32 = 14;

fn all_lines() -> Vec<String> {
    let mut lines: Vec<String> = (1..=DECISIONS).map(|line| format!("0b.{line}")).collect();
    for (section, parts) in LINES {
        let mut line = 0;
        for (part, last) in (1..).zip(parts) {
            lines.extend((line + 1..=*last).map(|line| format!("{section}.{part}.{line}")));
            line = *last;
        }
    }
    lines
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every Rust file below, this one excepted.
fn sources(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("tests/contract.rs")
        {
            files.push(path);
        }
    }
}

/// `text` split at everything that is not part of a line's number.
fn named(text: &str) -> impl Iterator<Item = String> {
    text.split("contract ").skip(1).map(|rest| {
        let number = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '.').next().unwrap_or_default();
        number.trim_end_matches('.').to_owned()
    })
}

/// Lines of the contract with the tests about them, as `FILE: NAME`.
fn tests() -> BTreeMap<String, BTreeSet<String>> {
    let known: BTreeSet<String> = all_lines().into_iter().collect();
    let mut files = Vec::new();
    for directory in ["service", "e2e/tests"] {
        sources(&root().join(directory), &mut files);
    }
    let mut tests: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files {
        let place = file.strip_prefix(root()).unwrap().display().to_string();
        let (mut about, mut is_test) = (Vec::new(), false);
        for line in fs::read_to_string(&file).unwrap().lines().map(str::trim) {
            if let Some(comment) = line.strip_prefix("///") {
                about.extend(named(comment));
            } else if line.starts_with("#[") {
                is_test |= line.contains("test]") || line.contains("test(");
            } else {
                let name = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
                if let Some(name) = name.filter(|_| is_test).and_then(|name| name.split('(').next()) {
                    let numbers: Vec<_> =
                        name.strip_prefix("contract_").into_iter().flat_map(|n| n.split('_')).collect();
                    if let [section, part, number, ..] = numbers.as_slice() {
                        about.push(format!("{section}.{part}.{number}"));
                    }
                    for line in about.drain(..).filter(|line| known.contains(line)) {
                        tests.entry(line).or_default().insert(format!("{place}: {name}"));
                    }
                }
                (about, is_test) = (Vec::new(), false);
            }
        }
    }
    tests
}

fn cell(tests: Option<&BTreeSet<String>>) -> String {
    let tests = tests.into_iter().flatten().map(|test| format!("`{test}`"));
    tests.collect::<Vec<_>>().join("<br>")
}

#[test]
fn the_table_has_every_line_once_and_the_tests_there_are() {
    let path = root().join(TABLE);
    let before = fs::read_to_string(&path).unwrap();
    let tests = tests();
    let mut rows = Vec::new();
    let after: Vec<String> = before
        .lines()
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [number, what, _, remark] = cells.as_slice() else { return line.to_owned() };
            if !number.starts_with(|c: char| c.is_ascii_digit()) {
                return line.to_owned();
            }
            rows.push((*number).to_owned());
            let cell = cell(tests.get(*number));
            let remark = match (cell.is_empty(), *remark) {
                (true, "") => NOT_YET,
                (false, NOT_YET) => "",
                (_, remark) => remark,
            };
            format!("| {number} | {what} | {cell} | {remark} |")
        })
        .collect();
    let after = after.join("\n") + "\n";
    assert_eq!(rows, all_lines(), "each line has one row, in order");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &after).unwrap();
    }
    let fresh = before == after || std::env::var_os("BLESS").is_some();
    assert!(fresh, "{TABLE} is stale: BLESS=1 cargo test -p service --test contract");
}

#[test]
fn a_test_names_no_line_that_is_not_there() {
    let known: BTreeSet<String> = all_lines().into_iter().collect();
    let mut files = Vec::new();
    sources(&root().join("service"), &mut files);
    for file in files {
        for (number, line) in (1..).zip(fs::read_to_string(&file).unwrap().lines()) {
            let Some(comment) =
                line.trim().strip_prefix("///").filter(|comment| comment.trim().starts_with("contract "))
            else {
                continue;
            };
            for named in
                named(comment).filter(|named| named.split('.').count() == 3 || named.starts_with("0b"))
            {
                assert!(known.contains(&named), "{}:{number}: no line {named}", file.display());
            }
        }
    }
}
