//! Lines that the endpoint does not want: set aside, so that they don't hold up the others.

use std::{
    ffi::OsString,
    fs::OpenOptions,
    io::{self, Write},
    path::{Path, PathBuf},
};

use bytes::Bytes;

/// An endpoint that refuses so many lines one after the other is taken to refuse everything, until it takes some: then
/// it is not about the lines, and they wait.
pub(super) const IN_A_ROW: usize = 8;

/// The refused lines of one file.
#[derive(Debug)]
pub(super) struct Refused {
    lines: Vec<Bytes>,
    in_a_row: usize,
}

impl Refused {
    /// `in_a_row`: how many there were before this file.
    pub(super) fn new(in_a_row: usize) -> Self {
        Self { lines: Vec::new(), in_a_row }
    }

    /// One more; false when it is no use to try further ones.
    pub(super) fn add(&mut self, line: Bytes) -> bool {
        self.in_a_row += 1;
        self.lines.push(line);
        self.in_a_row < 2 * IN_A_ROW
    }

    /// Those so far, to be tried once more.
    pub(super) fn take(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.lines)
    }

    /// The endpoint takes others.
    pub(super) fn taken(&mut self) {
        self.in_a_row = 0;
    }

    /// How many were refused since the endpoint took one, as far as that matters.
    pub(super) fn in_a_row(&self) -> usize {
        self.in_a_row.min(IN_A_ROW)
    }

    /// How many.
    pub(super) fn lines(&self) -> u64 {
        u64::try_from(self.lines.len()).unwrap_or(u64::MAX)
    }

    /// Appends them to the file at `path`, as long as it is not larger than `room` bytes.
    pub(super) fn write(&self, path: &Path, room: usize) -> io::Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let mut file = OpenOptions::new().append(true).create(true).open(path)?;
        let mut left = u64::try_from(room).unwrap_or(u64::MAX).saturating_sub(file.metadata()?.len());
        for line in &self.lines {
            let text = [line.as_ref(), b"\n"].concat();
            let Some(rest) = left.checked_sub(text.len() as u64) else { break };
            file.write_all(&text)?;
            left = rest;
        }
        Ok(())
    }
}

/// `ship.log` -> `ship.log.refused`
pub(super) fn file(spool: &Path) -> PathBuf {
    let mut name = OsString::from(spool);
    name.push(".refused");
    name.into()
}

/// The two halves of what has more than one line.
pub(super) fn halves(lines: &Bytes) -> Option<(Bytes, Bytes)> {
    let middle = lines.len() / 2;
    let is_break = |at: &usize| lines[*at] == b'\n';
    let at = (middle..lines.len()).find(is_break).or_else(|| (0..middle).rev().find(is_break))?;
    Some((lines.slice(..at), lines.slice(at + 1..)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_have_all_lines_in_their_order() {
        let halved = |text: &'static str| {
            let (first, second) = halves(&Bytes::from_static(text.as_bytes()))?;
            Some((String::from_utf8(first.into()).unwrap(), String::from_utf8(second.into()).unwrap()))
        };
        let pair = |first: &str, second: &str| Some((first.to_owned(), second.to_owned()));
        assert_eq!(halved("one"), None);
        assert_eq!(halved("one\ntwo"), pair("one", "two"));
        assert_eq!(halved("a\nb\nc\nd"), pair("a\nb", "c\nd"));
        assert_eq!(halved("a\na very long line"), pair("a", "a very long line"));
    }

    #[test]
    fn what_is_set_aside_has_a_bound_on_the_disk() {
        let directory = tempfile::tempdir().unwrap();
        let path = file(&directory.path().join("ship.log"));
        let mut refused = Refused::new(0);
        refused.add(Bytes::from_static(b"one"));
        refused.write(&path, 10).unwrap();
        refused.add(Bytes::from_static(b"two"));
        refused.write(&path, 10).unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), "one\none\n");
    }
}
