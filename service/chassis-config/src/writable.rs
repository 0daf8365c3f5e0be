//! Whether a file could be written.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::Path,
};

/// Whether this process could write `file`, or make it and the directories above it. Leaves nothing behind.
pub fn writable(file: &Path) -> io::Result<()> {
    match OpenOptions::new().append(true).open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => return opened.map(drop),
    }
    let directory = file.ancestors().skip(1).find(|above| above.exists()).unwrap_or(Path::new("."));
    let probe = directory.join(format!(".writable-{}", std::process::id()));
    File::create(&probe)?;
    fs::remove_file(probe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_written_is_found_out_without_a_trace() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        for path in [file.clone(), directory.path().join("a/b/c")] {
            writable(&path).unwrap();
            assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "{path:?}");
        }
        fs::write(&file, "kept").unwrap();
        writable(&file).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
        for bad in [file.join("below"), directory.path().to_owned(), "/proc/none".into()] {
            assert!(writable(&bad).is_err(), "{bad:?}");
        }
    }
}
