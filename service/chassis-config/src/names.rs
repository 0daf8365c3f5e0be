//! Keys and the variables that stand for them.

use std::collections::BTreeSet;

const PREFIX: &str = "CHASSIS_";

/// Similar enough to be a slip of the finger; below this a suggestion is noise.
const SIMILAR: f64 = 0.8;

/// `server.max_body` -> `CHASSIS_SERVER__MAX_BODY`.
pub(super) fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}

/// In capitals, with `_` for what a shell does not take in a name: `a.b__X` -> `A_B__X`.
pub fn shell_name(variable: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    variable.chars().map(allowed).collect()
}

/// The key that a canonical variable stands for, whether there is one or not.
pub(super) fn key_of(variable: &str) -> Option<String> {
    let rest = variable.strip_prefix(PREFIX).filter(|rest| *rest != "CONFIG")?;
    Some(rest.to_lowercase().replace("__", "."))
}

/// Whether Kubernetes has set it: a namespace with a Service called `chassis` or `pymicro-metrics` puts
/// `CHASSIS_SERVICE_HOST`, `PYMICRO_METRICS_PORT_80_TCP` and the like into every pod, and a stranger's Service must not
/// keep ours from starting.
pub(super) fn is_service_link(variable: &str, value: &str) -> bool {
    let of_a_port = |protocol| variable.contains("_PORT_") && variable.contains(protocol);
    variable.ends_with("_SERVICE_HOST")
        || variable.ends_with("_SERVICE_PORT")
        || variable.contains("_SERVICE_PORT_")
        || (variable.ends_with("_PORT") && value.contains("://"))
        || ["_TCP", "_UDP", "_SCTP"].into_iter().any(of_a_port)
}

/// The two ways to write the prefix of variables that are named after the service: exactly, and as a shell takes it.
pub(super) fn of_service([prefix, suffix]: &[String; 2]) -> [[String; 2]; 2] {
    [prefix.clone(), shell_name(prefix)].map(|prefix| [prefix, suffix.clone()])
}

/// What an unknown key may have been meant to be, as `show` writes a known one; else what there is in its section, or
/// which sections there are.
pub(super) fn suggestion<'a>(
    key: &str,
    known: impl Iterator<Item = &'a str> + Clone,
    show: impl Fn(&str) -> String,
) -> String {
    let (section, last) = key.rsplit_once('.').unwrap_or(("", key));
    let inside = format!("{section}.");
    let siblings = || known.clone().filter(|known| known.starts_with(&inside));
    let same: Vec<_> = known.clone().filter(|known| known.rsplit('.').next() == Some(last)).collect();
    let nearest = |candidates: &mut dyn Iterator<Item = &'a str>| {
        let scores = candidates.map(|known| (similarity(key, known), known));
        let best = scores.max_by(|(a, _), (b, _)| a.total_cmp(b)).filter(|(score, _)| *score >= SIMILAR);
        best.map(|(_, known)| known)
    };
    // In a section that there is, the name may be wrong or the section, hardly both.
    let is_section = siblings().next().is_some();
    let best = if is_section { nearest(&mut siblings()) } else { nearest(&mut known.clone()) };
    let meant = match (best, same.len()) {
        (Some(best), _) if is_section => vec![best],
        (_, 1..=3) => same,
        (best, _) => best.into_iter().collect(),
    };
    if !meant.is_empty() {
        return format!("did you mean {}?", meant.into_iter().map(show).collect::<Vec<_>>().join(" or "));
    }
    if is_section {
        return format!("known: {}", siblings().map(show).collect::<Vec<_>>().join(", "));
    }
    let sections: BTreeSet<_> =
        known.filter_map(|known| known.split_once('.')).map(|(section, _)| section).collect();
    format!("known sections: {}", sections.into_iter().collect::<Vec<_>>().join(", "))
}

/// The same for a variable of another convention.
pub(super) fn variable_suggestion(name: &str, prefix: &str, known: &BTreeSet<String>) -> String {
    let rest = |name: &str| name.strip_prefix(prefix).map(str::to_owned);
    let known = || known.iter().filter(|known| known.starts_with(prefix));
    let score = |known: &str| rest(name).zip(rest(known)).map_or(0.0, |(a, b)| strsim::jaro_winkler(&a, &b));
    match known().max_by(|a, b| score(a).total_cmp(&score(b))) {
        Some(best) if score(best) >= SIMILAR => format!("did you mean {best}?"),
        _ => format!("known: {}", known().map(String::as_str).collect::<Vec<_>>().join(", ")),
    }
}

/// Of what differs: sections that are the same say nothing.
fn similarity(a: &str, b: &str) -> f64 {
    let same: usize = a
        .split_inclusive('.')
        .zip(b.split_inclusive('.'))
        .map_while(|(a, b)| (a == b).then_some(a.len()))
        .sum();
    strsim::jaro_winkler(&a[same..], &b[same..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_services_of_the_namespace_are_left_alone() {
        for (foreign, value) in [
            ("CHASSIS_SERVICE_HOST", "10.0.0.1"),
            ("CHASSIS_SERVICE_PORT_HTTP", "80"),
            ("CHASSIS_PORT_80_TCP_ADDR", "10.0.0.1"),
            ("CHASSIS_PORT", "tcp://10.0.0.1:80"),
            ("PYMICRO_METRICS_PORT_9125_UDP", "udp://10.0.0.1:9125"),
        ] {
            assert!(is_service_link(foreign, value), "{foreign}");
        }
        assert!(!is_service_link("PYMICRO_PORT", "8080"));
        assert_eq!(key_of("CHASSIS_SERVER__MAX_BODY").as_deref(), Some("server.max_body"));
        assert_eq!(key_of("CHASSIS_CONFIG"), None);
    }

    #[test]
    fn a_slip_gets_what_was_meant_and_a_stranger_what_there_is() {
        let known = ["db.pooler", "db.url", "logging.level", "profile", "server.timeout", "server.workers"];
        for (key, wanted) in [
            ("server.worker", "did you mean server.workers?"),
            ("sever.workers", "did you mean server.workers?"),
            ("workers", "did you mean server.workers?"),
            ("server_workers", "did you mean server.workers?"),
            ("server.level", "did you mean logging.level?"),
            ("profil", "did you mean profile?"),
            ("db.colour", "known: db.pooler, db.url"),
            ("zzz", "known sections: db, logging, server"),
        ] {
            assert_eq!(suggestion(key, known.into_iter(), str::to_owned), wanted, "{key}");
        }
    }

    #[test]
    fn a_variable_is_compared_without_what_all_of_them_begin_with() {
        let known = BTreeSet::from(["PYMICRO", "PYMICRO_CONCURRENCY", "PYMICRO_TIMEOUT"].map(str::to_owned));
        let suggest = |name| variable_suggestion(name, "PYMICRO_", &known);
        assert_eq!(suggest("PYMICRO_CONCURENCY"), "did you mean PYMICRO_CONCURRENCY?");
        assert_eq!(suggest("PYMICRO_COLOUR"), "known: PYMICRO_CONCURRENCY, PYMICRO_TIMEOUT");
    }
}
