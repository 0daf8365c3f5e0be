//! Keys and the variables that stand for them.

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

/// The part of a canonical variable after the prefix, unless the variable is not ours to judge.
///
/// A namespace with a Service called `chassis` puts `CHASSIS_SERVICE_HOST`, `CHASSIS_PORT_80_TCP` and the like
/// into every pod; refusing them would let a stranger's Service keep ours from starting.
pub(super) fn is_canonical(variable: &str) -> bool {
    let Some(rest) = variable.strip_prefix(PREFIX) else { return false };
    let service_link = rest == "PORT"
        || rest.starts_with("PORT_")
        || rest == "SERVICE_HOST"
        || rest == "SERVICE_PORT"
        || rest.starts_with("SERVICE_PORT_");
    !service_link && rest != "CONFIG"
}

/// "did you mean" for one name among the known ones, else all of the known ones.
pub(super) fn suggestion<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let score = |candidate: &str| strsim::jaro_winkler(name, candidate);
    let best = known.clone().max_by(|a, b| score(a).total_cmp(&score(b)));
    match best {
        Some(best) if score(best) >= SIMILAR => format!("did you mean {best}?"),
        _ => format!("known: {}", known.collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_a_service_called_chassis_are_left_alone() {
        for foreign in
            ["CHASSIS_SERVICE_HOST", "CHASSIS_SERVICE_PORT_HTTP", "CHASSIS_PORT_80_TCP_ADDR", "CHASSIS_PORT"]
        {
            assert!(!is_canonical(foreign), "{foreign}");
        }
        assert!(is_canonical("CHASSIS_SERVER_WORKERS"));
        assert!(is_canonical(&variable_of("service.name")));
    }

    #[test]
    fn a_slip_gets_one_suggestion_and_a_stranger_the_list() {
        let known = ["server.workers", "server.timeout"];
        assert_eq!(suggestion("server.worker", known.into_iter()), "did you mean server.workers?");
        assert_eq!(suggestion("zzz", known.into_iter()), "known: server.workers, server.timeout");
    }
}
