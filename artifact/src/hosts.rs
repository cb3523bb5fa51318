//! Host names, mailboxes and addresses as name constraints compare them (RFC 5280 4.2.1.10, 7.2 to
//! 7.5).
//!
//! They are taken apart once and compared label by label. A text that has not the syntax is no
//! host, mailbox or address, and the caller decides what follows. Stricter than the syntax of the
//! names themselves where that has several ways to write one thing (quoted mailboxes, percent signs
//! in hosts, addresses instead of names): two spellings of one name must not fall on both sides of
//! a constraint.

/// Letters of a label, beside letters and digits.
const LABEL_MARKS: &str = "-_";

/// Characters that the unquoted part before the `@` of a mailbox may have, beside letters and
/// digits (RFC 5322 atext, and dots).
const LOCAL_MARKS: &str = "!#$%&'*+-/=?^_`{|}~.";

/// A host name: lower-case labels, the last first; or the base of a subtree of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    labels: Vec<String>,
    /// A base with a dot in front: hosts below, not the host itself.
    is_below_only: bool,
}

impl Host {
    /// Parses a dNSName. A label may contain a `*` (RFC 6125 6.4.3).
    pub(crate) fn of_name(text: &str) -> Option<Self> {
        Self::read(text, true)
    }

    /// The base of a subtree: a host, a domain with a dot in front, or everything.
    pub(crate) fn of_base(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self {
                labels: Vec::new(),
                is_below_only: false,
            });
        }
        match text.strip_prefix('.') {
            Some(domain) => Self::read(domain, false).map(|host| Self {
                is_below_only: true,
                ..host
            }),
            None => Self::read(text, false),
        }
    }

    fn read(text: &str, with_wildcards: bool) -> Option<Self> {
        // An absolute name; every name in a certificate is one.
        let text = text.strip_suffix('.').unwrap_or(text);
        let is_letter = |letter: char| {
            letter.is_ascii_alphanumeric()
                || LABEL_MARKS.contains(letter)
                || (with_wildcards && letter == '*')
        };
        let labels = text.rsplit('.').map(|label| {
            let is_label = !label.is_empty() && label.chars().all(is_letter);
            is_label.then(|| label.to_ascii_lowercase())
        });
        Some(Self {
            labels: labels.collect::<Option<_>>()?,
            is_below_only: false,
        })
    }

    /// Whether it is the base of everything.
    pub(crate) fn is_any(&self) -> bool {
        self.labels.is_empty()
    }

    /// Whether its last labels are those of `base`. A label with a star is any label where `any` is
    /// enough, and itself alone where all have to fit.
    fn ends_with(&self, base: &Self, any: bool) -> bool {
        let fits = |(own, wanted): (&String, &String)| own == wanted || (any && own.contains('*'));
        self.labels.len() >= base.labels.len() && self.labels.iter().zip(&base.labels).all(fits)
    }

    /// dNSName: the base and everything below it.
    pub(crate) fn is_below_or(&self, base: &Self, any: bool) -> bool {
        self.ends_with(base, any) && (!base.is_below_only || self.labels.len() > base.labels.len())
    }

    /// URIs and mailboxes: the host itself, or with a dot in front everything below.
    pub(crate) fn is_at(&self, base: &Self) -> bool {
        let is_below = self.labels.len() > base.labels.len();
        self.ends_with(base, false) && base.is_below_only == is_below
    }

    /// An IPv4 address in one of its spellings has a number at the end (WHATWG URL 3.5).
    fn is_address(&self) -> bool {
        let last = self.labels.first().map_or("", String::as_str);
        let is_hexadecimal = last
            .strip_prefix("0x")
            .is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        is_hexadecimal || last.bytes().all(|digit| digit.is_ascii_digit())
    }
}

/// Host of `scheme://[user@]host[:port][/...]`; `None` if it is an address, missing, or written in
/// a way that other readers may read differently.
pub(crate) fn of_uri(uri: &str) -> Option<Host> {
    let (scheme, rest) = uri.split_once("://")?;
    let mut letters = scheme.chars();
    let is_scheme = letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter));
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (host, port) = host.split_once(':').unwrap_or((host, ""));
    let is_user =
        |letter: char| letter.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:%".contains(letter);
    if !is_scheme || !user.chars().all(is_user) || !port.bytes().all(|digit| digit.is_ascii_digit())
    {
        return None;
    }
    Host::read(host, false).filter(|host| !host.is_address())
}

/// A mailbox, or the base of a subtree of mailboxes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mailbox {
    /// None in a base that is a whole host or domain.
    local: Option<String>,
    host: Host,
    /// From an emailAddress of a subject, which has no case (4.1.2.6).
    is_caseless: bool,
}

impl Mailbox {
    /// An rfc822Name.
    pub(crate) fn of_name(text: &str) -> Option<Self> {
        let (local, host) = text.split_once('@')?;
        let is_local = !local.is_empty()
            && local
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || LOCAL_MARKS.contains(letter));
        let host = Host::read(host, false)?;
        is_local.then(|| Self {
            local: Some(local.to_owned()),
            host,
            is_caseless: false,
        })
    }

    /// An emailAddress in a subject.
    pub(crate) fn of_subject(text: &str) -> Option<Self> {
        Self::of_name(text).map(|mailbox| Self {
            is_caseless: true,
            ..mailbox
        })
    }

    /// The base of a subtree: a mailbox, a host, or a domain with a dot in front.
    pub(crate) fn of_base(text: &str) -> Option<Self> {
        if text.contains('@') {
            return Self::of_name(text);
        }
        let host = Host::of_base(text).filter(|host| !host.is_any())?;
        Some(Self {
            local: None,
            host,
            is_caseless: false,
        })
    }

    /// Whether it lies in the subtree. The case of letters before the `@` of a subject's address is
    /// ignored where that excludes, and not where it permits, as in other implementations.
    pub(crate) fn is_in(&self, base: &Self, excluded: bool) -> bool {
        let (Some(local), Some(wanted)) = (&self.local, &base.local) else {
            return self.host.is_at(&base.host);
        };
        let is_same = if self.is_caseless && excluded {
            local.eq_ignore_ascii_case(wanted)
        } else {
            local == wanted
        };
        is_same && self.host.is_at(&base.host)
    }
}

/// An address, or a network as address and mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    octets: Vec<u8>,
    mask: Vec<u8>,
}

impl Address {
    /// An iPAddress: 4 octets, or 16.
    pub(crate) fn of_name(octets: &[u8]) -> Option<Self> {
        matches!(octets.len(), 4 | 16).then(|| Self {
            octets: octets.to_vec(),
            mask: vec![0xff; octets.len()],
        })
    }

    /// A network: an address and as many octets of mask, ones and then zeros (RFC 4632).
    pub(crate) fn of_base(octets: &[u8]) -> Option<Self> {
        let (network, mask) = octets.split_at_checked(octets.len() / 2)?;
        let ones: u32 = mask.iter().map(|octet| octet.leading_ones()).sum();
        let set: u32 = mask.iter().map(|octet| octet.count_ones()).sum();
        let mut after_ones = mask.iter().skip_while(|octet| **octet == 0xff).skip(1);
        let is_prefix = ones == set && after_ones.all(|octet| *octet == 0);
        (matches!(octets.len(), 8 | 32) && is_prefix).then(|| Self {
            octets: network.to_vec(),
            mask: mask.to_vec(),
        })
    }

    /// Whether it lies in the network. An IPv4 address mapped into IPv6 (RFC 4291 2.5.5.2) is
    /// excluded as what it is, and permitted as what it is written as.
    pub(crate) fn is_in(&self, base: &Self, excluded: bool) -> bool {
        const MAPPED: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
        let mapped = self.octets.strip_prefix(&MAPPED).filter(|_| excluded);
        base.holds(&self.octets) || mapped.is_some_and(|octets| base.holds(octets))
    }

    fn holds(&self, address: &[u8]) -> bool {
        self.octets.len() == address.len()
            && self
                .octets
                .iter()
                .zip(address)
                .zip(&self.mask)
                .all(|((own, other), mask)| own & mask == other & mask)
    }
}
