//! Many metrics in few datagrams.

use std::io::Write;

/// A datagram of this size fits an Ethernet frame with the headers of IPv6 and UDP, and some of a tunnel.
const MOST: usize = 1432;

/// Collects lines and hands a datagram on whenever it is full.
pub(super) struct Packets<'s> {
    send: &'s mut dyn FnMut(&[u8]),
    packet: Vec<u8>,
    line: Vec<u8>,
}

impl<'s> Packets<'s> {
    pub(super) fn new(send: &'s mut dyn FnMut(&[u8])) -> Self {
        Self { send, packet: Vec::with_capacity(MOST), line: Vec::new() }
    }

    /// `NAME:VALUE|KIND`, and `tags` as they are.
    pub(super) fn add(&mut self, name: &str, value: f64, kind: &str, tags: &[u8]) {
        self.line.clear();
        // A vector takes everything.
        _ = write!(self.line, "{name}:{value}|{kind}");
        self.line.extend_from_slice(tags);
        self.flush_for(self.line.len());
        if !self.packet.is_empty() {
            self.packet.push(b'\n');
        }
        self.packet.extend_from_slice(&self.line);
    }

    /// A gauge. A sign would make it relative, so one below zero is set to zero before.
    pub(super) fn gauge(&mut self, name: &str, value: f64, tags: &[u8]) {
        if value.is_sign_negative() && value != 0.0 {
            // The two lines in one datagram, so that nobody reads the zero.
            self.flush_for(2 * (name.len() + tags.len() + 32));
            self.add(name, 0.0, "g", tags);
        }
        self.add(name, value + 0.0, "g", tags);
    }

    fn flush_for(&mut self, length: usize) {
        if !self.packet.is_empty() && self.packet.len() + 1 + length > MOST {
            (self.send)(&self.packet);
            self.packet.clear();
        }
    }

    /// Hands on what is left.
    pub(super) fn finish(self) {
        if !self.packet.is_empty() {
            (self.send)(&self.packet);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_is_filled_and_never_cut_in_the_middle_of_a_line() {
        let mut datagrams: Vec<Vec<u8>> = Vec::new();
        let mut send = |packet: &[u8]| datagrams.push(packet.to_vec());
        let mut packets = Packets::new(&mut send);
        for number in 0..200 {
            packets.add(&format!("metric_{number}"), f64::from(number), "c", b"|#a:b");
        }
        packets.finish();
        assert!(datagrams.iter().all(|packet| packet.len() <= MOST));
        assert!(datagrams[0].len() > MOST - 40, "{}", datagrams[0].len());
        let lines: Vec<_> = datagrams.iter().flat_map(|packet| packet.split(|byte| *byte == b'\n')).collect();
        assert_eq!(lines.len(), 200);
        assert!(lines.iter().all(|line| line.ends_with(b"|c|#a:b")));
    }
}
