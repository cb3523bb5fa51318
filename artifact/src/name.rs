//! Distinguished names: one reader, one comparison (RFC 5280 4.1.2.4 and 7.1).
//!
//! The issuer of a certificate, the certificates that a list speaks about, and the names that a CA
//! may issue for are all decided by comparing names, so there is one type with one `==`. Two names
//! are equal if they have as many relative names in the same order, and each pair has the same
//! attributes, in any order: same type, and values that are the same text after preparation
//! (`crate::name_text`), in any of the string types, or the same octets.
//!
//! A value that cannot be read as text (ill-formed UTF-8, half a UTF-16 pair, 8 bits in an
//! IA5String) is equal to the same octets under the same tag and to nothing else. Where unequal
//! names are what an attacker needs (excluded subtrees), `Name::begins_with` says that it cannot
//! tell.

use std::fmt::{self, Write};

use const_oid::ObjectIdentifier;
use const_oid::db::{DB, Database};

use crate::asn1::{self, Asn1Error, OBJECT_IDENTIFIER, Reader, SEQUENCE, SET};
use crate::name_text::{self, StringType};
use crate::oid;
use crate::oid::dotted;

/// Largest name that is read, in octets: that of the largest certificate.
pub const NAME_LEN_MAX: usize = 65_535;

/// A distinguished name as received.
///
/// `==` is the comparison of RFC 5280 7.1; [`fmt::Display`] is RFC 4514, for people.
#[derive(Clone, Debug)]
pub struct Name {
    der: Vec<u8>,
    relative: Vec<RelativeName>,
}

/// RelativeDistinguishedName: a set of attributes.
#[derive(Clone, Debug)]
struct RelativeName {
    attributes: Vec<Attribute>,
    /// The key by which names are compared: each attribute's type and value, in an order that does
    /// not depend on the input.
    key: Vec<u8>,
}

/// One attribute of a name.
#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    /// Contents of the type's OBJECT IDENTIFIER.
    id: Vec<u8>,
    tag: u8,
    content: Vec<u8>,
    /// Whether it can be said of two different values that they are different.
    is_definite: bool,
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.relative == other.relative
    }
}

impl Eq for Name {}

impl PartialEq for RelativeName {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for RelativeName {}

impl Name {
    /// Reads a Name, DER.
    ///
    /// # Errors
    /// [`Asn1Error`], if the octets are not exactly one Name.
    pub fn from_der(der: &[u8]) -> Result<Self, Asn1Error> {
        if der.len() > NAME_LEN_MAX {
            return Err(Asn1Error::Value("a name is larger than 65,535 octets"));
        }
        let mut sequence = asn1::only(Reader::der(der), SEQUENCE)?.reader();
        let mut relative = Vec::new();
        while let Some(set) = sequence.next()? {
            if set.tag != SET {
                return Err(Asn1Error::Unexpected {
                    expected: SET,
                    found: set.tag,
                });
            }
            relative.push(RelativeName::read(set.reader())?);
        }
        Ok(Self {
            der: der.to_vec(),
            relative,
        })
    }

    /// This name with one more relative name below it, given by the contents of its SET
    /// (nameRelativeToCRLIssuer, RFC 5280 4.2.1.13).
    pub(crate) fn with_relative(&self, contents: &[u8]) -> Result<Self, Asn1Error> {
        let mut all = asn1::only(Reader::der(&self.der), SEQUENCE)?
            .content
            .to_vec();
        asn1::write_element(&mut all, SET, contents);
        let mut der = Vec::with_capacity(all.len() + 4);
        asn1::write_element(&mut der, SEQUENCE, &all);
        Self::from_der(&der)
    }

    /// Whether these are the contents of a RelativeDistinguishedName.
    pub(crate) fn check_relative(contents: Reader<'_>) -> Result<(), Asn1Error> {
        RelativeName::read(contents).map(drop)
    }

    /// The octets as received.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whether it has no attribute at all.
    pub fn is_empty(&self) -> bool {
        self.relative.is_empty()
    }

    pub(crate) fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        self.relative
            .iter()
            .flat_map(|relative| &relative.attributes)
    }

    /// Whether the relative names of `base` are the first of this name's (RFC 5280 4.2.1.10,
    /// directoryName); `None` if a value that cannot be read leaves it open.
    pub(crate) fn begins_with(&self, base: &Self) -> Option<bool> {
        if self.relative.len() < base.relative.len() {
            return Some(false);
        }
        let mut is_known = true;
        for (own, wanted) in self.relative.iter().zip(&base.relative) {
            match own.compare(wanted) {
                Some(true) => {}
                Some(false) => return Some(false),
                None => is_known = false,
            }
        }
        is_known.then_some(true)
    }
}

impl RelativeName {
    fn read(mut set: Reader<'_>) -> Result<Self, Asn1Error> {
        let mut attributes = Vec::new();
        let mut keys = Vec::new();
        while let Some(attribute) = set.next()? {
            let (attribute, key) = Attribute::read(attribute.sequence()?)?;
            attributes.push(attribute);
            keys.push(key);
        }
        if attributes.is_empty() {
            return Err(Asn1Error::Value("a relative name has no attribute"));
        }
        keys.sort_unstable();
        Ok(Self {
            attributes,
            key: keys.concat(),
        })
    }

    /// Equal, different, or not to be told.
    fn compare(&self, other: &Self) -> Option<bool> {
        if self == other {
            return Some(true);
        }
        let types = |relative: &Self| {
            let ids = relative.attributes.iter().map(|attribute| &attribute.id);
            let mut ids: Vec<_> = ids.cloned().collect();
            ids.sort_unstable();
            ids
        };
        let all_definite = |relative: &Self| relative.attributes.iter().all(|it| it.is_definite);
        let is_certain = types(self) != types(other) || (all_definite(self) && all_definite(other));
        is_certain.then_some(false)
    }
}

impl Attribute {
    /// Reads an attribute, and the octets by which it is compared.
    fn read(mut fields: Reader<'_>) -> Result<(Self, Vec<u8>), Asn1Error> {
        let id = fields.expect(OBJECT_IDENTIFIER)?.content;
        if id.last().is_none_or(|last| last & 0x80 != 0) {
            return Err(Asn1Error::Value("the type of an attribute is no OID"));
        }
        let value = fields.next()?.ok_or(Asn1Error::Value(
            "an attribute of a name has a type and no value",
        ))?;
        fields.finish()?;
        let string = StringType::of(value.tag);
        let prepared = string
            .and_then(|string| string.decode(value.content))
            .and_then(|text| name_text::prepare(&text));
        let mut key = Vec::new();
        write_part(&mut key, id);
        match &prepared {
            Some(text) => {
                key.push(1);
                write_part(&mut key, text.as_bytes());
            }
            None => {
                key.push(0);
                write_part(&mut key, value.raw);
            }
        }
        let attribute = Self {
            id: id.to_vec(),
            tag: value.tag,
            content: value.content.to_vec(),
            is_definite: prepared.is_some() || string.is_none(),
        };
        Ok((attribute, key))
    }

    /// Whether it is of this type.
    pub(crate) fn is(&self, id: &ObjectIdentifier) -> bool {
        self.id == id.as_bytes()
    }

    /// Whether it is of one of these types.
    pub(crate) fn is_any(&self, ids: &[ObjectIdentifier]) -> bool {
        ids.iter().any(|id| self.is(id))
    }

    /// The value as text; `None` if it is not a string, or cannot be read.
    pub(crate) fn text(&self) -> Option<String> {
        StringType::of(self.tag)?.decode(&self.content)
    }
}

/// Length, then octets: no two lists of parts are written alike.
fn write_part(out: &mut Vec<u8>, part: &[u8]) {
    out.extend_from_slice(&part.len().to_be_bytes());
    out.extend_from_slice(part);
}

/// RFC 4514: the last relative name first.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, relative) in self.relative.iter().rev().enumerate() {
            if place > 0 {
                f.write_char(',')?;
            }
            for (place, attribute) in relative.attributes.iter().enumerate() {
                if place > 0 {
                    f.write_char('+')?;
                }
                write!(f, "{attribute}")?;
            }
        }
        Ok(())
    }
}

/// RFC 4514 2.3 and 2.4: `TYPE=text` for a type with a short name; for other types, and for values
/// that are no text, `1.2.3=#` and the value's DER in hexadecimal.
impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.short_name(), self.text()) {
            (Some(name), Some(text)) => {
                write!(f, "{name}=")?;
                write_escaped(f, &text)
            }
            _ => {
                let mut value = Vec::new();
                asn1::write_element(&mut value, self.tag, &self.content);
                write!(f, "{}=#{}", dotted(&self.id), hex::encode(value))
            }
        }
    }
}

impl Attribute {
    /// The short name of the type. RFC 4514 has none for organizationIdentifier, which identifies
    /// the owner of an e-seal.
    fn short_name(&self) -> Option<String> {
        const NAMES: &Database<'_> = &DB;
        if self.is(&oid::ORGANIZATION_IDENTIFIER) {
            return Some("organizationIdentifier".to_owned());
        }
        let id = ObjectIdentifier::from_bytes(&self.id).ok()?;
        let names = NAMES.find_names_for_oid(id);
        let shortest = names.min_by_key(|name| name.len())?;
        Some(shortest.to_ascii_uppercase())
    }
}

/// RFC 4514 2.4, and control characters as `\xx`.
fn write_escaped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let mut letters = text.chars().enumerate().peekable();
    while let Some((place, letter)) = letters.next() {
        let is_first = place == 0;
        let is_last = letters.peek().is_none();
        match letter {
            '#' if is_first => f.write_str("\\#")?,
            ' ' if is_first || is_last => f.write_str("\\ ")?,
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => write!(f, "\\{letter}")?,
            letter if letter.is_control() => {
                for octet in letter.encode_utf8(&mut [0; 4]).bytes() {
                    write!(f, "\\{octet:02x}")?;
                }
            }
            _ => f.write_char(letter)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CN: &[u8] = &[0x55, 4, 3];
    const O: &[u8] = &[0x55, 4, 10];

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        asn1::write_element(&mut out, tag, content);
        out
    }

    fn attribute(id: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
        let fields = [element(OBJECT_IDENTIFIER, id), element(tag, value)];
        element(SEQUENCE, &fields.concat())
    }

    /// A name of these relative names, each with these attributes.
    fn name(relative: &[&[&[u8]]]) -> Name {
        let sets = relative.iter().map(|set| element(SET, &set.concat()));
        Name::from_der(&element(SEQUENCE, &sets.collect::<Vec<_>>().concat())).unwrap()
    }

    fn utf8(id: &[u8], text: &str) -> Vec<u8> {
        attribute(id, 0x0c, text.as_bytes())
    }

    fn bmp(id: &[u8], text: &str) -> Vec<u8> {
        let units = text.encode_utf16().flat_map(u16::to_be_bytes);
        attribute(id, 0x1e, &units.collect::<Vec<_>>())
    }

    #[test]
    fn one_text_in_every_string_type_is_one_name() {
        let wanted = name(&[&[&utf8(CN, "Test CA 1")]]);
        let wide: Vec<u8> = "test  CA 1"
            .chars()
            .flat_map(|c| u32::from(c).to_be_bytes())
            .collect();
        for same in [
            attribute(CN, 0x13, b"TEST CA 1"),
            attribute(CN, 0x14, b" Test CA 1"),
            attribute(CN, 0x16, b"Test CA 1 "),
            attribute(CN, 0x1a, b"Test CA 1"),
            attribute(CN, 0x1c, &wide),
            bmp(CN, "Test CA 1"),
        ] {
            assert_eq!(wanted, name(&[&[&same]]));
        }
        let number = name(&[&[&utf8(CN, "12")]]);
        assert_eq!(number, name(&[&[&attribute(CN, 0x12, b"12")]]));
        let accent = name(&[&[&utf8(CN, "é")]]);
        assert_eq!(accent, name(&[&[&attribute(CN, 0x14, &[0xe9])]]));
        assert_eq!(accent.to_string(), "CN=é");
        assert_eq!(name(&[&[&bmp(CN, "日本")]]).to_string(), "CN=日本");
    }

    #[test]
    fn what_is_no_utf8_is_not_one_name() {
        let (tokyo, osaka) = (bmp(CN, "東京"), bmp(CN, "大阪"));
        assert_ne!(name(&[&[&tokyo]]), name(&[&[&osaka]]));
        assert_eq!(name(&[&[&tokyo]]), name(&[&[&tokyo]]));
        let (one, other) = (&[0x41, 0xff], &[0x42, 0xff]);
        for tag in [0x0c, 0x13, 0x16, 0x1b, 0x1e, 0x1c, 0x03, 0x30] {
            let unread = name(&[&[&attribute(CN, tag, one)]]);
            assert_eq!(unread, unread.clone());
            assert_ne!(unread, name(&[&[&attribute(CN, tag, other)]]), "{tag:x}");
            assert_ne!(
                unread,
                name(&[&[&attribute(CN, tag ^ 0x40, one)]]),
                "{tag:x}"
            );
        }
    }

    #[test]
    fn relative_names_are_sets_and_their_order_counts() {
        let (o, cn) = (utf8(O, "Works"), utf8(CN, "CA"));
        let both = name(&[&[&o, &cn]]);
        assert_eq!(both, name(&[&[&cn, &o]]));
        assert_ne!(both, name(&[&[&o], &[&cn]]));
        assert_ne!(both, name(&[&[&o]]));
        assert_ne!(both, name(&[&[&o, &cn, &cn]]));
        assert_ne!(name(&[&[&o], &[&cn]]), name(&[&[&cn], &[&o]]));
        assert_ne!(name(&[&[&utf8(O, "CA")]]), name(&[&[&cn]]));
        assert_eq!(both.to_string(), "O=Works+CN=CA");
        assert_eq!(name(&[&[&o], &[&cn]]).to_string(), "CN=CA,O=Works");
        assert!(name(&[]).is_empty());
        assert_eq!(name(&[]), name(&[]));
    }

    #[test]
    fn subtrees_are_told_or_left_open() {
        let whole = name(&[&[&utf8(O, "Works")], &[&utf8(CN, "a")]]);
        let base = |value: Vec<u8>| name(&[&[&value]]);
        assert_eq!(whole.begins_with(&base(bmp(O, "WORKS"))), Some(true));
        assert_eq!(whole.begins_with(&base(bmp(O, "Other"))), Some(false));
        assert_eq!(whole.begins_with(&name(&[])), Some(true));
        assert_eq!(base(utf8(O, "Works")).begins_with(&whole), Some(false));
        // Half a pair may be anything; under another type it is not asked.
        let half = &[0xd8, 0x3d];
        assert_eq!(whole.begins_with(&base(attribute(O, 0x1e, half))), None);
        assert_eq!(
            whole.begins_with(&base(attribute(CN, 0x1e, half))),
            Some(false)
        );
        assert_eq!(
            whole.begins_with(&base(attribute(O, 0x03, half))),
            Some(false)
        );
        let open = name(&[&[&attribute(O, 0x1e, half)], &[&utf8(CN, "a")]]);
        assert_eq!(
            open.begins_with(&base(attribute(O, 0x1e, half))),
            Some(true)
        );
        assert_eq!(
            open.begins_with(&name(&[&[&utf8(O, "x")], &[&utf8(CN, "b")]])),
            Some(false)
        );
    }

    #[test]
    fn people_see_every_value() {
        let shown = |value: Vec<u8>| name(&[&[&value]]).to_string();
        assert_eq!(shown(utf8(CN, "a,b+c=\"d\"")), "CN=a\\,b\\+c=\\\"d\\\"");
        assert_eq!(shown(utf8(CN, " # \n")), "CN=\\ # \\0a");
        assert_eq!(shown(utf8(CN, "#")), "CN=\\#");
        assert_eq!(shown(attribute(CN, 0x1e, &[0])), "2.5.4.3=#1e0100");
        let seal = [0x55, 4, 97];
        assert_eq!(
            shown(bmp(&seal, "NTRJP-1")),
            "organizationIdentifier=NTRJP-1"
        );
        assert_eq!(shown(utf8(&[0x2a, 3], "x")), "1.2.3=#0c0178");
    }

    #[test]
    fn octets_that_are_no_name_are_refused() {
        let wrapped = |content: &[u8]| Name::from_der(&element(SEQUENCE, content));
        assert!(wrapped(&element(SET, &[])).is_err());
        assert!(wrapped(&element(SEQUENCE, &[])).is_err());
        assert!(wrapped(&element(SET, &element(SEQUENCE, &element(6, CN)))).is_err());
        assert!(wrapped(&element(SET, &attribute(&[0x55, 0x84], 0x0c, b"a"))).is_err());
        let long = vec![0x61; NAME_LEN_MAX];
        assert!(wrapped(&element(SET, &attribute(CN, 0x0c, &long))).is_err());
    }
}
