//! What waits on the disk to be sent: `ship.log` is being written, `ship.log.1`, `ship.log.2`, ... are closed.
//!
//! A process that writes holds the lock of its file, and one that sends a closed file holds that one's lock. Locks end
//! with their process, however it ends: what nobody holds is there for the taking.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, ErrorKind, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::counts::Counts;

/// Lines are written when there are this many bytes of them, or no others to wait for.
const BLOCK: usize = 64 << 10;

/// The file that is being written, held by this process.
#[derive(Debug)]
pub(super) struct Spool {
    path: PathBuf,
    file: File,
    /// Bytes in the file.
    written: u64,
    /// Not written yet; whole lines.
    block: Vec<u8>,
    /// How many those are.
    lines: u64,
    /// A closed file is not larger than this.
    max_file: u64,
    /// All files together are not.
    max_all: u64,
    counts: Counts,
    /// What went wrong is said once, not for every line.
    failing: bool,
}

impl Spool {
    /// Closes what an earlier process has left. An error of the kind `ResourceBusy` when another one is writing.
    pub(super) fn open(path: &Path, max_file: usize, max_all: usize, counts: Counts) -> io::Result<Self> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let bytes = |size| u64::try_from(size).unwrap_or(u64::MAX);
        let file = hold(path)?;
        let mut spool = Self {
            written: file.metadata()?.len(),
            path: path.to_owned(),
            file,
            block: Vec::new(),
            lines: 0,
            max_file: bytes(max_file),
            max_all: bytes(max_all),
            counts,
            failing: false,
        };
        spool.close()?;
        Ok(spool)
    }

    /// Takes a line, which ends in a line break. A failure costs lines, which are counted.
    pub(super) fn append(&mut self, line: &[u8]) {
        let before = self.written + self.block.len() as u64;
        if before > 0 && before + line.len() as u64 > self.max_file {
            self.flush();
            let closed = self.close();
            self.said(&closed);
        }
        self.block.extend_from_slice(line);
        self.lines += 1;
        if self.block.len() >= BLOCK {
            self.flush();
        }
    }

    /// Writes what was taken.
    pub(super) fn flush(&mut self) {
        if self.block.is_empty() {
            return;
        }
        let result = self.file.write_all(&self.block);
        if result.is_ok() {
            self.written += self.block.len() as u64;
            self.counts.spooled.inc_by(self.lines);
        } else {
            // Half of a line would spoil the next one.
            _ = self.file.set_len(self.written);
            self.counts.disk.inc_by(self.lines);
        }
        self.block.clear();
        self.lines = 0;
        self.said(&result);
    }

    /// Puts what was written aside to be sent, and begins a new file.
    pub(super) fn close(&mut self) -> io::Result<()> {
        if self.written == 0 {
            return Ok(());
        }
        let last = closed(&self.path)?.last().map_or(0, |(number, _)| *number);
        match fs::rename(&self.path, numbered(&self.path, last + 1)) {
            // Closed before, but a new file was not to be had then.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            renamed => renamed?,
        }
        self.file = hold(&self.path)?;
        self.written = 0;
        self.make_room()
    }

    /// Removes the oldest files until there is room for a further one.
    fn make_room(&self) -> io::Result<()> {
        let files = closed(&self.path)?;
        let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
        let mut all: u64 = files.iter().map(|(_, path)| size(path)).sum();
        for (_, path) in files {
            if all + self.max_file <= self.max_all {
                break;
            }
            all -= size(&path).min(all);
            let lines = BufReader::new(File::open(&path)?).split(b'\n').count();
            fs::remove_file(&path)?;
            self.counts.spool_full.inc_by(u64::try_from(lines).unwrap_or(u64::MAX));
        }
        Ok(())
    }

    pub(super) fn said(&mut self, result: &io::Result<()>) {
        if let (Err(error), false) = (result, self.failing) {
            tracing::warn!(
                "log lines that are to be shipped cannot be kept in {}: {error}",
                self.path.display()
            );
        }
        self.failing = result.is_err();
    }
}

/// Opens the file that is written, and locks it.
fn hold(path: &Path) -> io::Result<File> {
    loop {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let reason = "another process is writing it; give each process a logship.file of its own";
                return Err(io::Error::new(ErrorKind::ResourceBusy, reason));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Whoever held it may have closed it in between.
        if is_at(&file, path)? {
            return Ok(file);
        }
    }
}

/// A closed file, unless somebody else is sending it or has done so.
pub(super) fn claim(path: &Path) -> io::Result<Option<File>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    match file.try_lock() {
        Ok(()) => Ok(is_at(&file, path)?.then_some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(there) => Ok(there.ino() == file.metadata()?.ino()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Closed files beside `path`, the oldest first.
pub(super) fn closed(path: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let directory = path.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default();
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?.file_name();
        let rest = entry.as_encoded_bytes().strip_prefix(name.as_encoded_bytes());
        let digits = rest.and_then(|rest| std::str::from_utf8(rest.strip_prefix(b".")?).ok());
        if let Some(number) = digits.and_then(|digits| digits.parse().ok()) {
            files.push((number, numbered(path, number)));
        }
    }
    files.sort();
    Ok(files)
}

fn numbered(path: &Path, number: u64) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{number}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn spool(directory: &TempDir, max_file: usize, max_all: usize) -> Spool {
        Spool::open(&directory.path().join("logs/ship.log"), max_file, max_all, Counts::default()).unwrap()
    }

    fn files(spool: &Spool) -> Vec<String> {
        let files = closed(&spool.path).unwrap();
        files.iter().map(|(_, path)| fs::read_to_string(path).unwrap()).collect()
    }

    #[test]
    fn a_full_file_is_closed_and_so_is_one_that_was_left() {
        let directory = tempfile::tempdir().unwrap();
        let mut first = spool(&directory, 8, 100);
        for line in ["one\n", "two\n", "three\n", "4\n"] {
            first.append(line.as_bytes());
        }
        first.flush();
        assert_eq!(files(&first), ["one\ntwo\n"]);
        assert_eq!(first.counts.spooled.get(), 4);
        drop(first);
        let second = spool(&directory, 8, 100);
        assert_eq!(files(&second), ["one\ntwo\n", "three\n4\n"]);
        assert_eq!(fs::read_to_string(&second.path).unwrap(), "");
    }

    #[test]
    fn one_process_at_a_time_writes_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let first = spool(&directory, 8, 100);
        let error = Spool::open(&first.path, 8, 100, Counts::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceBusy);
        assert!(error.to_string().contains("a logship.file of its own"), "{error}");
    }

    #[test]
    fn the_oldest_lines_are_dropped_when_there_is_no_room() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = spool(&directory, 4, 12);
        for line in ["one\n", "two\n", "3\n4\n", "for\n", "fiv\n"] {
            spool.append(line.as_bytes());
        }
        spool.flush();
        assert_eq!(files(&spool), ["3\n4\n", "for\n"]);
        assert_eq!(spool.counts.spool_full.get(), 2);
    }

    #[test]
    fn a_closed_file_is_sent_by_one_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = spool(&directory, 4, 100);
        spool.append(b"one\n");
        spool.flush();
        spool.close().unwrap();
        let (_, path) = closed(&spool.path).unwrap().remove(0);
        let held = claim(&path).unwrap().unwrap();
        assert!(claim(&path).unwrap().is_none(), "somebody sends it");
        fs::remove_file(&path).unwrap();
        drop(held);
        assert!(claim(&path).unwrap().is_none(), "it was sent");
    }

    #[test]
    fn a_disk_that_takes_nothing_costs_lines_that_are_counted() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = spool(&directory, 100, 200);
        // A file that is open for reading only takes nothing.
        spool.file = File::open(&spool.path).unwrap();
        spool.append(b"one\n");
        spool.flush();
        assert!(spool.failing);
        assert_eq!((spool.counts.disk.get(), spool.counts.spooled.get()), (1, 0));
    }
}
