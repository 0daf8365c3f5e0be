use std::collections::BTreeMap;

/// One line of Prometheus' text format.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Name of the metric.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

impl Sample {
    /// A label's value; empty where there is none, as Prometheus sees it.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// Reads Prometheus' text format. Comments, and lines that are none of it, are left out.
pub fn parse(text: &str) -> Vec<Sample> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(sample).collect()
}

/// Sum of all samples of a name; `None` where there is none.
pub fn sum(samples: &[Sample], name: &str) -> Option<f64> {
    samples.iter().filter(|sample| sample.name == name).map(|sample| sample.value).reduce(|a, b| a + b)
}

fn sample(line: &str) -> Option<Sample> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            labels.insert(label.trim_start_matches(',').to_owned(), value);
            rest = after;
        }
        rest = &rest[1..];
    }
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Sample { name: name.into(), labels, value })
}

/// Text up to the closing quote, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{parse, sum};

    const TEXT: &str = r#"# HELP requests Requests.
# TYPE requests counter
requests{verb="GET",path="/a,b}"} 3
requests{verb="POST",path="say \"hi\"\\"} 4.5 1700000000
up 1
broken{
"#;

    #[test]
    fn reads_names_labels_and_values() {
        let samples = parse(TEXT);
        assert_eq!(samples.len(), 3);
        assert_eq!((samples[0].label("verb"), samples[0].label("path")), ("GET", "/a,b}"));
        assert_eq!(samples[1].label("path"), "say \"hi\"\\");
        assert_eq!(samples[2].label("verb"), "");
        assert_eq!(sum(&samples, "requests"), Some(7.5));
        assert_eq!(sum(&samples, "none"), None);
    }
}
