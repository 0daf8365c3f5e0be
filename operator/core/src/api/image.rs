/// An image reference in two: the repository, and its digest or else its tag; `latest` if it has
/// neither.
pub fn split_image(image: &str) -> (&str, &str) {
    let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    // A colon before the last slash belongs to a registry's port.
    let (repository, tag) = match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, "latest"),
    };
    (repository, digest.unwrap_or(tag))
}

#[cfg(test)]
mod tests {
    use super::split_image;
    use rstest::rstest;

    #[rstest]
    #[case("service:1.2", "service", "1.2")]
    #[case("registry:5000/team/app", "registry:5000/team/app", "latest")]
    #[case("registry:5000/team/app:2", "registry:5000/team/app", "2")]
    #[case("app:1@sha256:abc", "app", "sha256:abc")]
    fn the_version_is_the_tag_or_digest(
        #[case] image: &str,
        #[case] repository: &str,
        #[case] version: &str,
    ) {
        assert_eq!(split_image(image), (repository, version));
    }
}
