//! Who sends: the unit among which room and places are shared.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Somebody who sends requests: known by name once a service has looked at who it is, else by address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Sender {
    Address(IpAddr),
    Named(String),
}

impl Sender {
    /// By the address of a connection. Of IPv6 the first 64 bits: who has one address has all of them.
    pub(crate) fn of_address(address: IpAddr) -> Self {
        Self::Address(match address {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => address.to_ipv4_mapped().map_or_else(
                || {
                    let [a, b, c, d, ..] = address.segments();
                    IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
                },
                IpAddr::V4,
            ),
        })
    }

    /// Somebody behind a connection of our own making (a bastion), whose address is not known.
    pub(crate) const fn behind_bastion() -> Self {
        Self::Address(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }
}
