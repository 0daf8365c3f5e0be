//! Addresses that something comes from.

use std::{fmt::Write, net::IpAddr};

use chassis_config::Value;

/// Networks of addresses, perhaps none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Networks {
    /// The machine itself, or the pod.
    pub fn loopback() -> Self {
        Self::parse("127.0.0.0/8, ::1").unwrap_or(Self(Vec::new()))
    }

    /// Whether `address` is in one of them. An IPv4 address counts as itself when a listener for both kinds has
    /// received it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(address))
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, prefix)| (a, Some(prefix)));
        let address: IpAddr = address.trim().parse().ok()?;
        let longest = bits(address);
        let prefix = prefix.map_or(Some(longest), |prefix| prefix.trim().parse().ok())?;
        (prefix <= longest).then_some(Self { address, prefix })
    }

    fn contains(self, address: IpAddr) -> bool {
        // Of the network /0 all bits are shifted out, which is `None`, and less than everything.
        let rest = bits(self.address) - self.prefix;
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits()).checked_shr(rest) <= Some(0)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits()).checked_shr(rest) <= Some(0)
            }
            _ => false,
        }
    }
}

fn bits(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

impl Value for Networks {
    const WRITE: &'static str =
        "networks such as 10.0.0.0/8, fd00::/8 and 192.0.2.7, with commas between them, or none";
    const STRING: bool = true;

    fn parse(text: &str) -> Option<Self> {
        if text.trim() == "none" {
            return Some(Self(Vec::new()));
        }
        text.split(',').map(|part| Network::parse(part.trim())).collect::<Option<_>>().map(Self)
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for Network { address, prefix } in &self.0 {
            let comma = if text.is_empty() { "" } else { ", " };
            _ = write!(text, "{comma}{address}/{prefix}");
        }
        if text.is_empty() { "none".to_owned() } else { text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_in_a_network_or_not() {
        for (networks, address, inside) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.6", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "::1", false),
            ("fd00::/8, 10.0.0.0/8", "fd12::1", true),
            ("fd00::/8, 10.0.0.0/8", "10.1.1.1", true),
            ("::/0", "2001:db8::1", true),
            ("127.0.0.0/8", "::ffff:127.0.0.1", true),
            ("none", "127.0.0.1", false),
        ] {
            let parsed = Networks::parse(networks).unwrap();
            assert_eq!(parsed.contains(address.parse().unwrap()), inside, "{networks} {address}");
            assert_eq!(Networks::parse(&parsed.text()).unwrap(), parsed);
        }
        for bad in ["", "10.0.0.0/33", "::/129", "localhost", "10.0.0.0/8;", "10.0.0.0/-1"] {
            assert_eq!(Networks::parse(bad), None, "{bad}");
        }
        assert!(Networks::loopback().contains("127.0.0.1".parse().unwrap()));
    }
}
