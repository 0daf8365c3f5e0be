//! One update of one counter as a DogStatsD datagram: `NAME:COUNT|c`, with labels `NAME:COUNT|c|#LABEL:VALUE,...`.

use std::{fmt, io::Write};

/// The datagrams of one counter, formatted in advance.
pub(crate) struct Update {
    /// `NAME:1|c|#LABEL:VALUE`
    one: Box<[u8]>,
    /// Where the `1` stands.
    count: usize,
}

impl Update {
    pub(crate) fn new<'a>(name: &str, labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut one = format!("{name}:1|c").into_bytes();
        write_tags(&mut one, labels);
        Self { one: one.into(), count: name.len() + 1 }
    }

    /// The datagram of one more.
    pub(super) fn one(&self) -> &[u8] {
        &self.one
    }

    /// Writes the datagram of `count` more into `buffer`, which is emptied before.
    pub(super) fn many(&self, count: u64, buffer: &mut Vec<u8>) {
        buffer.clear();
        buffer.extend_from_slice(&self.one[..self.count]);
        // A vector takes everything.
        _ = write!(buffer, "{count}");
        buffer.extend_from_slice(&self.one[self.count + 1..]);
    }
}

impl fmt::Debug for Update {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&String::from_utf8_lossy(&self.one))
    }
}

/// `|#LABEL:VALUE,...`, nothing without labels. What has a meaning between values is `_` inside of one.
pub(super) fn write_tags<'a>(buffer: &mut Vec<u8>, labels: impl IntoIterator<Item = (&'a str, &'a str)>) {
    let mut before = &b"|#"[..];
    for (label, value) in labels {
        buffer.extend_from_slice(before);
        buffer.extend_from_slice(label.as_bytes());
        buffer.push(b':');
        let safe = |byte: u8| if matches!(byte, b'|' | b',' | b'#' | b'\n' | b'\r') { b'_' } else { byte };
        buffer.extend(value.bytes().map(safe));
        before = b",";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contract_1_3_20_the_two_datagrams_of_the_document() {
        assert_eq!(Update::new("pymicro_req_total", []).one(), b"pymicro_req_total:1|c");
        let labelled = Update::new("pymicro_ret_req_total", [("pymicro_ret", "0")]);
        assert_eq!(labelled.one(), b"pymicro_ret_req_total:1|c|#pymicro_ret:0");
    }

    #[test]
    fn a_count_takes_the_place_of_the_one() {
        let update = Update::new("a_total", [("x", "1"), ("y", "1|c")]);
        let mut buffer = b"left over".to_vec();
        update.many(370, &mut buffer);
        assert_eq!(String::from_utf8(buffer).unwrap(), "a_total:370|c|#x:1,y:1_c");
    }
}
