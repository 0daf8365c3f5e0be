//! Which feature a path belongs to that no route has.

use chassis_http::Envelope;

/// First segments of paths with the policy of their feature.
#[derive(Debug, Clone, Default)]
pub(super) struct Scopes(Vec<(String, Envelope)>);

impl Scopes {
    /// The first feature that has a path below a segment owns it.
    pub(super) fn add(&mut self, path: &str, envelope: Envelope) {
        let segment = first_segment(path);
        if !self.0.iter().any(|(known, _)| known == segment) {
            self.0.push((segment.to_owned(), envelope));
        }
    }

    /// Outside of every feature there is no envelope.
    pub(super) fn envelope(&self, path: &str) -> Envelope {
        let segment = first_segment(path);
        self.0.iter().find(|(known, _)| known == segment).map(|(_, envelope)| *envelope).unwrap_or_default()
    }
}

fn first_segment(path: &str) -> &str {
    path.trim_start_matches('/').split('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_belongs_to_the_feature_with_its_first_segment() {
        let mut scopes = Scopes::default();
        scopes.add("/users/{id}", Envelope::Code);
        scopes.add("/simple/{id}", Envelope::Meta);
        scopes.add("/users", Envelope::Raw);
        for (path, envelope) in [
            ("/users/1/x", Envelope::Code),
            ("/users", Envelope::Code),
            ("/simple", Envelope::Meta),
            ("/user", Envelope::Raw),
            ("/", Envelope::Raw),
        ] {
            assert_eq!(scopes.envelope(path), envelope, "{path}");
        }
    }
}
