//! A file that is put aside when it is full: `info.log`, `info.log.1`, `info.log.2`, ...

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// An open log file. Nobody else may write to it or move it.
pub(super) struct Rotating {
    path: PathBuf,
    /// No file gets longer, unless one line is.
    limit: u64,
    /// How many full files are kept.
    kept: u32,
    file: File,
    written: u64,
    /// What went wrong is said once, not for every line.
    failing: bool,
}

impl Rotating {
    /// Appends to `path`, whose directory is created if it is missing.
    pub(super) fn open(path: PathBuf, limit: usize, kept: u32) -> io::Result<Self> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let (file, written) = open(&path)?;
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        Ok(Self { path, limit, kept, file, written, failing: false })
    }

    /// Writes a line. A failure is told on standard error and costs this line only.
    pub(super) fn write(&mut self, line: &[u8]) {
        let result = self.append(line);
        if let (Err(error), false) = (&result, self.failing) {
            _ = writeln!(io::stderr(), "log lines are not written to {}: {error}", self.path.display());
        }
        self.failing = result.is_err();
    }

    /// Writes whole lines.
    pub(super) fn write_all(&mut self, lines: &[u8]) {
        lines.split_inclusive(|byte| *byte == b'\n').for_each(|line| self.write(line));
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let length = line.len() as u64;
        if self.written > 0 && self.written + length > self.limit {
            self.rotate()?;
        }
        self.file.write_all(line)?;
        self.written += length;
        Ok(())
    }

    /// From the oldest on, each file takes the next name; a rename replaces what had it.
    fn rotate(&mut self) -> io::Result<()> {
        for number in (1..self.kept).rev() {
            move_if_there(&self.numbered(number), &self.numbered(number + 1))?;
        }
        move_if_there(&self.path, &self.numbered(1))?;
        (self.file, self.written) = open(&self.path)?;
        Ok(())
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(format!(".{number}"));
        name.into()
    }
}

fn open(path: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().append(true).create(true).open(path)?;
    let written = file.metadata()?.len();
    Ok((file, written))
}

fn move_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// contract 5.8.31
    #[test]
    fn full_files_are_put_aside_and_the_oldest_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("logs/info.log");
        let mut log = Rotating::open(path.clone(), 10, 3).unwrap();
        for line in ["one\n", "two\n", "three\n", "four\n", "five\n", "six\n", "seven\n", "eight\n", "nine\n"]
        {
            log.write(line.as_bytes());
        }
        assert_eq!(
            names(&directory.path().join("logs")),
            ["info.log", "info.log.1", "info.log.2", "info.log.3"]
        );
        let read = |name: &str| fs::read_to_string(directory.path().join("logs").join(name)).unwrap();
        assert_eq!(read("info.log"), "nine\n");
        assert_eq!(read("info.log.1"), "eight\n");
        assert_eq!(read("info.log.2"), "six\nseven\n");
        assert_eq!(read("info.log.3"), "four\nfive\n");
    }

    #[test]
    fn an_existing_file_is_continued_and_counted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("info.log");
        fs::write(&path, "12345678\n").unwrap();
        let mut log = Rotating::open(path.clone(), 10, 1).unwrap();
        log.write(b"x\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "x\n");
        assert_eq!(names(directory.path()), ["info.log", "info.log.1"]);
    }

    #[test]
    fn a_line_longer_than_a_file_is_written_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("info.log");
        let mut log = Rotating::open(path.clone(), 3, 1).unwrap();
        log.write(b"longer\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "longer\n");
    }

    #[test]
    fn a_failure_costs_lines_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("logs/info.log");
        let mut log = Rotating::open(path.clone(), 3, 1).unwrap();
        log.write(b"one\n");
        fs::remove_dir_all(directory.path().join("logs")).unwrap();
        log.write(b"lost\n");
        assert!(log.failing);
        fs::create_dir(directory.path().join("logs")).unwrap();
        log.write(b"two\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
        assert!(!log.failing);
    }
}
