//! GeneralName: the forms in which certificates, lists and tokens name persons and hosts (RFC 5280
//! 4.2.1.6).
//!
//! One reader reads them whole, so that the value of a critical extension is known to be
//! understood. Forms by which nothing here is decided (X.400 addresses, EDI parties) are kept as
//! received.

use core::fmt;

use const_oid::ObjectIdentifier;

use crate::asn1::{
    self, Asn1Error, Element, OBJECT_IDENTIFIER, Reader, SEQUENCE, context, context_constructed,
};
use crate::name::Name;

/// One name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GeneralName {
    /// otherName: contents of its type's OID, and the value's DER.
    Other { id: Vec<u8>, value: Vec<u8> },
    /// rfc822Name: a mailbox.
    Rfc822(String),
    /// dNSName.
    Dns(String),
    /// x400Address, as it came.
    X400(Vec<u8>),
    /// directoryName.
    Directory(Name),
    /// ediPartyName, as it came.
    Edi(Vec<u8>),
    /// uniformResourceIdentifier.
    Uri(String),
    /// iPAddress; in name constraints with its mask.
    Ip(Vec<u8>),
    /// registeredID: contents of the OID.
    RegisteredId(Vec<u8>),
}

impl GeneralName {
    /// From one element.
    pub(crate) fn read(element: &Element<'_>) -> Result<Self, Asn1Error> {
        // An IA5String has 7 bits. Issuers write 8 nevertheless, and each octet is kept as one
        // letter: such a text has the syntax of no form, and is equal to the same octets alone.
        let text = || element.content.iter().copied().map(char::from).collect();
        let content = || element.content.to_vec();
        Ok(match element.tag {
            tag if tag == context_constructed(0) => {
                let mut fields = element.reader();
                let id = fields.expect(OBJECT_IDENTIFIER)?.content.to_vec();
                let value = fields.expect(context_constructed(0))?;
                fields.finish()?;
                let mut inner = value.reader();
                inner
                    .next()?
                    .ok_or(Asn1Error::Value("an otherName has no value"))?;
                inner.finish()?;
                Self::Other {
                    id,
                    value: value.content.to_vec(),
                }
            }
            tag if tag == context(1) => Self::Rfc822(text()),
            tag if tag == context(2) => Self::Dns(text()),
            tag if tag == context_constructed(3) => Self::X400(content()),
            tag if tag == context_constructed(4) => {
                Self::Directory(Name::from_der(asn1::only(element.reader(), SEQUENCE)?.raw)?)
            }
            tag if tag == context_constructed(5) => Self::Edi(content()),
            tag if tag == context(6) => Self::Uri(text()),
            tag if tag == context(7) => Self::Ip(content()),
            tag if tag == context(8) => {
                ObjectIdentifier::from_bytes(element.content)
                    .map_err(|_| Asn1Error::Value("a registeredID is no OID"))?;
                Self::RegisteredId(content())
            }
            _ => {
                return Err(Asn1Error::Value(
                    "a GeneralName is of none of the nine forms",
                ));
            }
        })
    }

    /// The names of a GeneralNames, given by its contents.
    pub(crate) fn read_all(mut names: Reader<'_>) -> Result<Vec<Self>, Asn1Error> {
        let mut all = Vec::new();
        while let Some(name) = names.next()? {
            all.push(Self::read(&name)?);
        }
        Ok(all)
    }

    /// Whether its text, if it is one, is of the letters that an IA5String has.
    pub(crate) fn has_seven_bits(&self) -> bool {
        match self {
            Self::Rfc822(text) | Self::Dns(text) | Self::Uri(text) => text.is_ascii(),
            _ => true,
        }
    }

    /// The directory name, if it is one.
    pub(crate) const fn directory(&self) -> Option<&Name> {
        match self {
            Self::Directory(name) => Some(name),
            _ => None,
        }
    }
}

/// For people.
impl fmt::Display for GeneralName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rfc822(text) | Self::Dns(text) | Self::Uri(text) => f.write_str(text),
            Self::Directory(name) => name.fmt(f),
            Self::Ip(octets) => write!(f, "address {octets:?}"),
            Self::Other { .. } | Self::X400(_) | Self::Edi(_) | Self::RegisteredId(_) => {
                f.write_str("a name of a form that is not processed")
            }
        }
    }
}

/// Whether `names` has this directory name.
pub(crate) fn has_directory_name(names: &[GeneralName], wanted: &Name) -> bool {
    names.iter().any(|name| name.directory() == Some(wanted))
}
