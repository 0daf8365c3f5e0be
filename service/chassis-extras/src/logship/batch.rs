//! Lines of a file, as many at a time as one request may have.

use std::io::{self, BufRead, Read};

/// What one request has: lines with line breaks between them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub body: Vec<u8>,
    pub lines: u64,
}

pub(super) struct Batches<R> {
    reader: R,
    /// Read, but not in a batch yet.
    next: Option<Vec<u8>>,
    max_batch: usize,
    max_line: usize,
    /// Lines longer than `max_line`, which are in no batch.
    pub too_long: u64,
}

impl<R: BufRead> Batches<R> {
    pub(super) fn new(reader: R, max_batch: usize, max_line: usize) -> Self {
        Self { reader, next: None, max_batch, max_line, too_long: 0 }
    }

    /// `None` when all lines were in one.
    pub(super) fn next(&mut self) -> io::Result<Option<Batch>> {
        let mut batch = Batch { body: Vec::new(), lines: 0 };
        while let Some(line) = self.line()? {
            if batch.lines > 0 {
                if batch.body.len() + 1 + line.len() > self.max_batch {
                    self.next = Some(line);
                    break;
                }
                batch.body.push(b'\n');
            }
            batch.body.extend_from_slice(&line);
            batch.lines += 1;
        }
        Ok((batch.lines > 0).then_some(batch))
    }

    /// The next line that is not empty and not too long, without its line break.
    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        if let Some(line) = self.next.take() {
            return Ok(Some(line));
        }
        loop {
            let mut line = Vec::new();
            let most = u64::try_from(self.max_line).unwrap_or(u64::MAX).saturating_add(1);
            if self.reader.by_ref().take(most).read_until(b'\n', &mut line)? == 0 {
                return Ok(None);
            }
            let ended = line.pop_if(|byte| *byte == b'\n').is_some();
            if line.len() > self.max_line {
                self.too_long += 1;
                if !ended {
                    self.reader.skip_until(b'\n')?;
                }
            } else if !line.is_empty() {
                return Ok(Some(line));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches(text: &str, max_batch: usize, max_line: usize) -> (Vec<(String, u64)>, u64) {
        let mut batches = Batches::new(text.as_bytes(), max_batch, max_line);
        let mut all = Vec::new();
        while let Some(Batch { body, lines }) = batches.next().unwrap() {
            all.push((String::from_utf8(body).unwrap(), lines));
        }
        (all, batches.too_long)
    }

    #[test]
    fn contract_2_3_18_a_batch_is_not_larger_than_allowed() {
        let three = |size| batches("one\ntwo\nthree\n", size, 5).0;
        let text =
            |texts: &[(&str, u64)]| texts.iter().map(|(t, n)| ((*t).to_owned(), *n)).collect::<Vec<_>>();
        assert_eq!(three(13), text(&[("one\ntwo\nthree", 3)]));
        assert_eq!(three(12), text(&[("one\ntwo", 2), ("three", 1)]));
        assert_eq!(three(6), text(&[("one", 1), ("two", 1), ("three", 1)]));
    }

    #[test]
    fn contract_2_3_18_a_line_that_is_too_long_is_left_out_and_counted() {
        assert_eq!(batches("one\nlonger\n\ntwo", 50, 5), (vec![("one\ntwo".to_owned(), 2)], 1));
        assert_eq!(batches("sixsix\nfives\n", 50, 5), (vec![("fives".to_owned(), 1)], 1));
        assert_eq!(batches("much longer than that", 50, 5), (vec![], 1));
        assert_eq!(batches("\n\n", 50, 5), (vec![], 0));
    }
}
