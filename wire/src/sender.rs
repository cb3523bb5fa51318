//! The sender of requests: the unit among which places and memory are shared.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// A sender of requests: known by name where a service can tell it from a head, else by address.
///
/// A reverse proxy sends for every client behind it. Its requests are told apart by name where they
/// have one; otherwise it is one sender, and among its requests those that come fastest go first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Sender {
    Address(IpAddr),
    Named(Arc<str>),
}

impl Sender {
    /// The sender at the address of a connection. For IPv6 the first 64 bits: a host that has one
    /// address has all of them.
    pub(crate) fn of_address(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        })
    }

    /// A sender behind a connection that this process made (to a bastion), whose address is not
    /// known.
    pub(crate) const fn behind_bastion() -> Self {
        Self::Address(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Sender {
        Sender::of_address(text.parse().unwrap())
    }

    #[test]
    fn a_network_of_ipv6_is_one_sender() {
        assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:1:ffff::2"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        // The same host, by a socket that takes both protocols.
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
