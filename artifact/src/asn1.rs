//! Reading ASN.1 as it arrives: tag, length, value, without copying.
//!
//! Two rules are needed side by side. Octets that a signature covers must be DER, so that one
//! meaning has one encoding. The octets around them may be BER (RFC 5652 section 1 allows it,
//! Apple's and Java's signers use it): indefinite lengths, OCTET STRINGs cut into segments. The
//! `der` crate reads the former and copies what it reads; a token needs both, exact ranges of what
//! was received, and a revocation list of 100,000 entries needs no copies at all. So this file
//! walks elements and does nothing else; their contents are read where it is decided about them.
//!
//! Limits: definite lengths up to the input's size, nesting to 32 levels, tag numbers below 31
//! (nothing in these formats has a higher one). Reading any octets ends with a value or an error.

use core::ops::Range;

use thiserror::Error;

/// Nesting beyond this is refused: real tokens stay below 16.
pub(crate) const DEPTH_MAX: usize = 32;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
const CONSTRUCTED: u8 = 0x20;

/// Context tag `[number]`, primitive.
pub(crate) const fn context(number: u8) -> u8 {
    0x80 | number
}

/// Context tag `[number]`, constructed.
pub(crate) const fn context_constructed(number: u8) -> u8 {
    0xa0 | number
}

/// Why octets are not ASN.1 of the expected form.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Asn1Error {
    /// The input ends before its outermost element does.
    #[error("it is cut off: an element has {needed} octets, {found} are there")]
    Cut {
        /// Octets that the element needs.
        needed: usize,
        /// Octets that are there.
        found: usize,
    },
    /// An element is longer than the element that holds it: no encoding rules allow that.
    #[error("an element is longer than what holds it: {needed} octets wanted, {found} left")]
    Truncated {
        /// Octets that the element needs.
        needed: usize,
        /// Octets that are there.
        found: usize,
    },
    /// A length that cannot be: reserved form, or beyond four octets.
    #[error("a length is encoded in a form that cannot be read (first octet 0x{first:02x})")]
    Length {
        /// First octet of the length.
        first: u8,
    },
    /// Elements nest deeper than 32.
    #[error("elements nest deeper than {DEPTH_MAX}")]
    Depth,
    /// A tag number of 31 or above.
    #[error("tag 0x{tag:02x} begins a long tag number, which none of these formats has")]
    HighTag {
        /// The identifier octet.
        tag: u8,
    },
    /// An element of another type was found.
    #[error("tag 0x{expected:02x} expected, 0x{found:02x} found")]
    Unexpected {
        /// The identifier octet that belongs there.
        expected: u8,
        /// The identifier octet that is there.
        found: u8,
    },
    /// The element is missing.
    #[error("tag 0x{expected:02x} expected, nothing is there")]
    Missing {
        /// The identifier octet that belongs there.
        expected: u8,
    },
    /// Octets follow where nothing should.
    #[error("{octets} octets follow where nothing should")]
    Trailing {
        /// Number of octets left over.
        octets: usize,
    },
    /// BER where DER is required.
    #[error("not DER: {0}")]
    NotDer(&'static str),
    /// A value out of its range, or of an impossible shape.
    #[error("{0}")]
    Value(&'static str),
}

/// Which encoding rules hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rules {
    Ber,
    Der,
}

/// One element: identifier octet, contents, and the octets as received.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    pub(crate) raw: &'a [u8],
    rules: Rules,
    depth: usize,
}

impl<'a> Element<'a> {
    /// A reader over the contents.
    pub(crate) fn reader(&self) -> Reader<'a> {
        Reader {
            rest: self.content,
            rules: self.rules,
            depth: self.depth,
        }
    }

    /// A reader over the contents of a SEQUENCE.
    pub(crate) fn sequence(&self) -> Result<Reader<'a>, Asn1Error> {
        if self.tag == SEQUENCE {
            Ok(self.reader())
        } else {
            Err(Asn1Error::Unexpected {
                expected: SEQUENCE,
                found: self.tag,
            })
        }
    }

    /// A reader of the same octets that demands DER from here on.
    pub(crate) fn der_reader(&self) -> Reader<'a> {
        Reader {
            rest: self.content,
            rules: Rules::Der,
            depth: self.depth,
        }
    }

    /// Value octets of an OCTET STRING, segments joined (X.690 8.7).
    pub(crate) fn octets(&self) -> Result<Vec<u8>, Asn1Error> {
        let mut joined = Vec::with_capacity(self.content.len());
        self.join_segments(&mut joined)?;
        Ok(joined)
    }

    fn join_segments(&self, joined: &mut Vec<u8>) -> Result<(), Asn1Error> {
        if self.tag & CONSTRUCTED == 0 {
            joined.extend_from_slice(self.content);
            return Ok(());
        }
        if self.rules == Rules::Der {
            return Err(Asn1Error::NotDer("an OCTET STRING is cut into segments"));
        }
        let mut segments = self.reader();
        while let Some(segment) = segments.next()? {
            if segment.tag & !CONSTRUCTED != OCTET_STRING {
                return Err(Asn1Error::Unexpected {
                    expected: OCTET_STRING,
                    found: segment.tag,
                });
            }
            segment.join_segments(joined)?;
        }
        Ok(())
    }

    /// Contents of a BIT STRING of whole octets.
    pub(crate) fn bit_octets(&self) -> Result<&'a [u8], Asn1Error> {
        match self.content.split_first() {
            Some((0, octets)) => Ok(octets),
            _ => Err(Asn1Error::Value("a BIT STRING is not made of whole octets")),
        }
    }

    /// A non-negative INTEGER that fits 32 bits.
    pub(crate) fn unsigned(&self) -> Result<u32, Asn1Error> {
        integer(self.content)?;
        let digits = match self.content {
            [0, rest @ ..] => rest,
            [first, ..] if first & 0x80 != 0 => {
                return Err(Asn1Error::Value("a number is negative"));
            }
            all => all,
        };
        if digits.len() > 4 {
            return Err(Asn1Error::Value("a number is larger than 32 bits"));
        }
        Ok(digits
            .iter()
            .fold(0, |value, digit| value << 8 | u32::from(*digit)))
    }

    /// A non-negative INTEGER; if it does not fit 32 bits, the largest that does, for limits that
    /// are never reached.
    pub(crate) fn unsigned_saturating(&self) -> Result<u32, Asn1Error> {
        integer(self.content)?;
        let is_large =
            self.content.len() > 5 || (self.content.len() == 5 && self.content.first() != Some(&0));
        if is_large && self.content.first().is_some_and(|first| first & 0x80 == 0) {
            return Ok(u32::MAX);
        }
        self.unsigned()
    }

    /// Named bits of a BIT STRING, bit `i` as `1 << i`; those from the 17th on are left out. DER
    /// leaves out trailing zeros; they are accepted if present.
    pub(crate) fn named_bits(&self) -> Result<u16, Asn1Error> {
        let (unused, octets) = self
            .content
            .split_first()
            .ok_or(Asn1Error::Value("a BIT STRING is empty"))?;
        if *unused > 7 || (octets.is_empty() && *unused > 0) {
            return Err(Asn1Error::Value(
                "a BIT STRING has an impossible number of unused bits",
            ));
        }
        let first = u16::from_be_bytes([
            octets.first().copied().unwrap_or_default(),
            octets.get(1).copied().unwrap_or_default(),
        ]);
        Ok(first.reverse_bits())
    }

    /// Contents of an INTEGER, as signed, after a check that they are minimal.
    pub(crate) fn integer_octets(&self) -> Result<&'a [u8], Asn1Error> {
        integer(self.content)?;
        Ok(self.content)
    }
}

/// X.690 8.3.2: at least one octet, and the first nine bits are neither all zero nor all one.
fn integer(content: &[u8]) -> Result<(), Asn1Error> {
    match content {
        [] => Err(Asn1Error::Value("an INTEGER has no octets")),
        [0, next, ..] if next & 0x80 == 0 => Err(Asn1Error::NotDer("an INTEGER is padded")),
        [0xff, next, ..] if next & 0x80 != 0 => Err(Asn1Error::NotDer("an INTEGER is padded")),
        _ => Ok(()),
    }
}

/// Walks the elements of one level.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    rules: Rules,
    depth: usize,
}

impl<'a> Reader<'a> {
    pub(crate) const fn ber(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            rules: Rules::Ber,
            depth: 0,
        }
    }

    pub(crate) fn der(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            rules: Rules::Der,
            depth: 0,
        }
    }

    /// The next element, or none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Element<'a>>, Asn1Error> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let held = self.depth > 0;
        let element = split_element(self.rest, self.rules, self.depth + 1, held)?;
        self.rest = self.rest.get(element.raw.len()..).unwrap_or_default();
        Ok(Some(element))
    }

    /// The next element, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<Element<'a>, Asn1Error> {
        match self.next()? {
            Some(element) if element.tag == tag => Ok(element),
            Some(element) => Err(Asn1Error::Unexpected {
                expected: tag,
                found: element.tag,
            }),
            None => Err(Asn1Error::Missing { expected: tag }),
        }
    }

    /// The next element if it has this tag; otherwise nothing is consumed.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, Asn1Error> {
        if self.rest.first() == Some(&tag) {
            self.next()
        } else {
            Ok(None)
        }
    }

    /// An OCTET STRING, in segments or not.
    pub(crate) fn octet_string(&mut self) -> Result<Vec<u8>, Asn1Error> {
        match self.next()? {
            Some(element) if element.tag & !CONSTRUCTED == OCTET_STRING => element.octets(),
            Some(element) => Err(Asn1Error::Unexpected {
                expected: OCTET_STRING,
                found: element.tag,
            }),
            None => Err(Asn1Error::Missing {
                expected: OCTET_STRING,
            }),
        }
    }

    /// Fails unless everything was read.
    pub(crate) fn finish(&self) -> Result<(), Asn1Error> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Asn1Error::Trailing {
                octets: self.rest.len(),
            })
        }
    }

    pub(crate) fn peek_tag(&self) -> Option<u8> {
        self.rest.first().copied()
    }
}

/// The one element that makes up all of `bytes`.
pub(crate) fn only(mut reader: Reader<'_>, tag: u8) -> Result<Element<'_>, Asn1Error> {
    let element = reader.expect(tag)?;
    reader.finish()?;
    Ok(element)
}

/// `held`: whether `bytes` are the contents of an element of known length, so that nothing can be
/// missing.
fn split_element(
    bytes: &[u8],
    rules: Rules,
    depth: usize,
    held: bool,
) -> Result<Element<'_>, Asn1Error> {
    if depth > DEPTH_MAX {
        return Err(Asn1Error::Depth);
    }
    let short = |needed, found| {
        if held {
            Asn1Error::Truncated { needed, found }
        } else {
            Asn1Error::Cut { needed, found }
        }
    };
    let (&tag, after_tag) = bytes.split_first().ok_or(short(1, 0))?;
    if tag & 0x1f == 0x1f {
        return Err(Asn1Error::HighTag { tag });
    }
    let (&first, after_first) = after_tag.split_first().ok_or(short(2, 1))?;
    if first == 0x80 {
        return split_indefinite(bytes, tag, after_first, rules, depth, held);
    }
    let Some((length, body)) = split_length(first, after_first, rules)? else {
        return Err(short(usize::from(first & 0x7f), after_first.len()));
    };
    let content = body.get(..length).ok_or(short(length, body.len()))?;
    let header_length = bytes.len() - body.len();
    let raw = bytes.get(..header_length + length).unwrap_or_default();
    Ok(Element {
        tag,
        content,
        raw,
        rules,
        depth,
    })
}

/// The length, and the octets after it; `None` if the input ends within.
fn split_length(first: u8, rest: &[u8], rules: Rules) -> Result<Option<(usize, &[u8])>, Asn1Error> {
    if first < 0x80 {
        return Ok(Some((usize::from(first), rest)));
    }
    let count = usize::from(first & 0x7f);
    if count > 4 {
        return Err(Asn1Error::Length { first });
    }
    let Some(digits) = rest.get(..count) else {
        return Ok(None);
    };
    let length = digits
        .iter()
        .fold(0_u32, |value, digit| value << 8 | u32::from(*digit));
    if rules == Rules::Der && (digits.first() == Some(&0) || length < 0x80) {
        return Err(Asn1Error::NotDer("a length is longer than it must be"));
    }
    let length = usize::try_from(length).map_err(|_| Asn1Error::Length { first })?;
    Ok(Some((length, rest.get(count..).unwrap_or_default())))
}

/// X.690 8.1.3.6: contents run to a matching end-of-contents (two zero octets).
fn split_indefinite<'a>(
    bytes: &'a [u8],
    tag: u8,
    body: &'a [u8],
    rules: Rules,
    depth: usize,
    held: bool,
) -> Result<Element<'a>, Asn1Error> {
    if rules == Rules::Der {
        return Err(Asn1Error::NotDer("a length is indefinite"));
    }
    if tag & CONSTRUCTED == 0 {
        return Err(Asn1Error::Length { first: 0x80 });
    }
    let mut rest = body;
    loop {
        if let [0, 0, after @ ..] = rest {
            let content = body.get(..body.len() - rest.len()).unwrap_or_default();
            let raw = bytes.get(..bytes.len() - after.len()).unwrap_or_default();
            return Ok(Element {
                tag,
                content,
                raw,
                rules,
                depth,
            });
        }
        let inner = split_element(rest, rules, depth + 1, held)?;
        rest = rest.get(inner.raw.len()..).unwrap_or_default();
    }
}

/// Checks that `bytes` is DER all the way down: minimal definite lengths, minimal integers,
/// BOOLEANs of 0x00 or 0xff, strings in one piece. The order inside SETs is not looked at here.
pub(crate) fn check_der(bytes: &[u8]) -> Result<(), Asn1Error> {
    check_level(Reader::der(bytes))
}

/// Checks that lengths are minimal and definite at every level. Values are not looked at.
pub(crate) fn check_lengths(bytes: &[u8]) -> Result<(), Asn1Error> {
    fn check(mut level: Reader<'_>) -> Result<(), Asn1Error> {
        while let Some(element) = level.next()? {
            if element.tag & CONSTRUCTED != 0 {
                check(element.reader())?;
            }
        }
        Ok(())
    }
    check(Reader::der(bytes))
}

fn check_level(mut reader: Reader<'_>) -> Result<(), Asn1Error> {
    while let Some(element) = reader.next()? {
        match element.tag {
            SEQUENCE | SET => check_level(element.reader())?,
            tag if tag & 0xe0 == 0xa0 => check_level(element.reader())?,
            tag if tag & 0xe0 == CONSTRUCTED => {
                return Err(Asn1Error::NotDer("a string is cut into segments"));
            }
            INTEGER | ENUMERATED => integer(element.content)?,
            BOOLEAN if !matches!(element.content, [0 | 0xff]) => {
                return Err(Asn1Error::NotDer("a BOOLEAN is neither 0x00 nor 0xff"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Position of `inner`, a slice of `outer`.
pub(crate) fn range_within(outer: &[u8], inner: &[u8]) -> Range<usize> {
    let start = inner.as_ptr().addr().saturating_sub(outer.as_ptr().addr());
    start..start + inner.len()
}

/// Appends one DER element.
pub(crate) fn write_element(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    out.push(tag);
    let length = content.len();
    if length < 0x80 {
        out.push(u8::try_from(length).unwrap_or(0x7f));
    } else {
        let digits: Vec<u8> = length
            .to_be_bytes()
            .into_iter()
            .skip_while(|digit| *digit == 0)
            .collect();
        out.push(0x80 | u8::try_from(digits.len()).unwrap_or(8));
        out.extend_from_slice(&digits);
    }
    out.extend_from_slice(content);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indefinite_and_segmented_octets_read_as_one_value() {
        let ber = [
            0x24, 0x80, 0x04, 0x02, 1, 2, 0x24, 0x03, 0x04, 0x01, 3, 0, 0,
        ];
        assert_eq!(Reader::ber(&ber).octet_string().unwrap(), [1, 2, 3]);
        assert!(Reader::der(&ber).octet_string().is_err());
    }

    #[test]
    fn der_refuses_what_ber_allows() {
        let padded = [0x30, 0x81, 0x03, 0x02, 0x01, 0x05];
        assert!(Reader::ber(&padded).expect(SEQUENCE).is_ok());
        assert_eq!(
            Reader::der(&padded).expect(SEQUENCE).unwrap_err(),
            Asn1Error::NotDer("a length is longer than it must be")
        );
        assert!(check_der(&[0x30, 0x03, 0x02, 0x01, 0x05]).is_ok());
        assert!(check_der(&[0x30, 0x04, 0x02, 0x02, 0x00, 0x05]).is_err());
    }

    #[test]
    fn nesting_is_bounded() {
        let mut deep = [0x30_u8, 0x80].repeat(200);
        deep.extend(vec![0; 400]);
        assert_eq!(
            Reader::ber(&deep).expect(SEQUENCE).unwrap_err(),
            Asn1Error::Depth
        );
    }

    #[test]
    fn long_lengths_are_written_as_read() {
        for length in [0_usize, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let mut out = Vec::new();
            write_element(&mut out, OCTET_STRING, &vec![7; length]);
            assert_eq!(Reader::der(&out).octet_string().unwrap().len(), length);
        }
    }
}
