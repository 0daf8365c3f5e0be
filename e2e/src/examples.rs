use std::path::Path;

/// Path of a file below `crds/examples`.
pub fn example(file: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds/examples").join(file).display().to_string()
}
