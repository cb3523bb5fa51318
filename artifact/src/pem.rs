//! PEM around an artifact (RFC 7468): taken off if it is there, refused if it is broken.
//!
//! Read as generously as section 2 asks of parsers: lines of any width and ending, blanks around
//! them, words before, between and after the blocks, header lines as RFC 1421 has them. The label
//! decides nothing: the kind of the octets is found by reading them.

use thiserror::Error;

use crate::asn1;

/// The text looks like PEM and is not.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("PEM block {block} cannot be read: {reason}")]
pub struct PemError {
    /// Number of the block, from 1.
    pub block: usize,
    /// What is wrong with it, in English.
    pub reason: String,
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// The octets that editors of Windows put before a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The octets of every block in `bytes`, or `bytes` itself if there is no PEM in it.
pub(crate) fn unwrap_all(bytes: &[u8]) -> Result<Vec<Vec<u8>>, PemError> {
    if !looks_like_pem(bytes) {
        return Ok(vec![bytes.to_vec()]);
    }
    let mut blocks = Vec::new();
    let mut lines = lines(bytes);
    while let Some(line) = lines.next() {
        if let Some(label) = label_of(line, BEGIN) {
            let octets = read_block(label, &mut lines).map_err(|reason| PemError {
                block: blocks.len() + 1,
                reason: reason.to_owned(),
            })?;
            blocks.push(octets);
        }
    }
    Ok(blocks)
}

/// The octets of the only block, or `bytes` itself if there is no PEM in it.
pub(crate) fn unwrap_one(bytes: &[u8]) -> Result<Vec<u8>, PemError> {
    let mut blocks = unwrap_all(bytes)?;
    match (blocks.pop(), blocks.len()) {
        (Some(only), 0) => Ok(only),
        (_, before) => Err(PemError {
            block: before + 1,
            reason: "one block is expected, more are there".into(),
        }),
    }
}

/// The label of the first block, if there is PEM in `bytes`.
pub(crate) fn label(bytes: &[u8]) -> Option<&str> {
    if !looks_like_pem(bytes) {
        return None;
    }
    let label = lines(bytes).find_map(|line| label_of(line, BEGIN))?;
    std::str::from_utf8(label).ok()
}

/// Whether the octets are PEM: text that names a block, with or without words before it, unless it
/// is one element of BER that happens to hold such a text.
fn looks_like_pem(bytes: &[u8]) -> bool {
    asn1::only(asn1::Reader::ber(bytes), asn1::SEQUENCE).is_err()
        && lines(bytes).any(|line| label_of(line, BEGIN).is_some())
}

/// Lines without the blanks around them.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    text.split(|byte| matches!(byte, b'\n' | b'\r'))
        .map(<[u8]>::trim_ascii)
}

/// The label of a line that begins or ends a block.
fn label_of<'a>(line: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    line.strip_prefix(start)?.strip_suffix(DASHES)
}

/// The octets up to the line that ends the block with this label.
fn read_block<'a>(
    label: &[u8],
    lines: &mut impl Iterator<Item = &'a [u8]>,
) -> Result<Vec<u8>, &'static str> {
    let mut decoder = Base64::default();
    for line in lines {
        if let Some(end) = label_of(line, END) {
            return if end == label {
                decoder.finish()
            } else {
                Err("its END line has another label than its BEGIN line")
            };
        }
        if label_of(line, BEGIN).is_some() {
            return Err("another block begins before its END line");
        }
        // Header lines (RFC 1421 4.4) stand before the octets; no letter of Base64 is a colon.
        let is_header = decoder.is_empty() && line.contains(&b':');
        if !is_header {
            decoder.add(line)?;
        }
    }
    Err("it has no END line")
}

/// Base64 (RFC 4648 4) as it comes, with blanks anywhere.
#[derive(Default)]
struct Base64 {
    octets: Vec<u8>,
    /// Bits that are not yet an octet, and how many letters they are from.
    bits: u32,
    letters: u8,
    padding: u8,
}

impl Base64 {
    fn is_empty(&self) -> bool {
        self.octets.is_empty() && self.letters == 0
    }

    fn add(&mut self, line: &[u8]) -> Result<(), &'static str> {
        for letter in line.iter().filter(|letter| !letter.is_ascii_whitespace()) {
            if *letter == b'=' {
                self.padding = self.padding.saturating_add(1);
                continue;
            }
            let value = value_of(*letter).ok_or("it has a character that is not of Base64")?;
            if self.padding > 0 {
                return Err("its Base64 goes on after its end");
            }
            self.bits = self.bits << 6 | value;
            self.letters += 1;
            if self.letters == 4 {
                let [_, octets @ ..] = self.bits.to_be_bytes();
                self.octets.extend(octets);
                (self.bits, self.letters) = (0, 0);
            }
        }
        Ok(())
    }

    /// Padding, if there is any, fills the last four letters.
    fn finish(mut self) -> Result<Vec<u8>, &'static str> {
        let is_padded = self.padding == 0 || self.letters + self.padding == 4;
        let rest = match (self.letters, is_padded) {
            (0, _) if self.padding == 0 => 0,
            (2, true) => 1,
            (3, true) => 2,
            _ => return Err("its Base64 is cut off"),
        };
        let bits = self.bits << (6 * (4 - u32::from(self.letters)));
        let [_, octets @ ..] = bits.to_be_bytes();
        self.octets.extend(octets.iter().take(rest));
        Ok(self.octets)
    }
}

fn value_of(letter: u8) -> Option<u32> {
    let value = match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_out_and_plain_octets_pass() {
        let text = b"words\n-----BEGIN X-----\nAQID\n-----END X-----\n\n-----BEGIN Y-----\r\nBAUG\r\n-----END Y-----\r\n";
        assert_eq!(unwrap_all(text).unwrap(), [vec![1, 2, 3], vec![4, 5, 6]]);
        assert_eq!(label(text), Some("X"));
        assert_eq!(unwrap_one(&[0x30, 0]).unwrap(), [0x30, 0]);
        assert_eq!(label(&[0x30, 0]), None);
        assert!(unwrap_one(text).is_err());
    }

    #[test]
    fn every_shape_of_a_block_is_read() {
        let octets: Vec<u8> = (0..200).map(|number| number ^ 0x55).collect();
        let text = pem_rfc7468::encode_string("X", pem_rfc7468::LineEnding::LF, &octets).unwrap();
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        let wrap = |width: usize, end: &str| {
            let lines: Vec<&[u8]> = body.as_bytes().chunks(width).collect();
            let lines: Vec<&str> = lines
                .iter()
                .map(|line| str::from_utf8(line).unwrap())
                .collect();
            format!(
                "-----BEGIN X-----{end}{}{end}-----END X-----{end}",
                lines.join(end)
            )
        };
        for width in [1, 3, 60, 63, 64, 65, 72, 76, 1_000] {
            for end in ["\n", "\r\n", "\r", " \t\r\n", "\n\n"] {
                assert_eq!(
                    unwrap_one(wrap(width, end).as_bytes()).unwrap(),
                    octets,
                    "{width} {end:?}"
                );
            }
        }
        let plain = wrap(64, "\n");
        for around in [
            format!("\u{feff}{plain}"),
            format!("0 s:CN = words that begin as DER does\n{plain}more\n"),
            format!("Bag Attributes\n    friendlyName: x\n{plain}"),
            plain.replace("-----\nV", "-----\nProc-Type: 4,CLEAR\n\nV"),
            plain.replace("\n-----END", "  \n\t-----END"),
            plain.trim_end().to_owned(),
            format!("\n\n  {plain}"),
        ] {
            assert_eq!(unwrap_one(around.as_bytes()).unwrap(), octets, "{around}");
        }
        // An element of DER that contains such a text is that element.
        let mut der = Vec::new();
        asn1::write_element(
            &mut der,
            asn1::SEQUENCE,
            &[b"\n", plain.as_bytes()].concat(),
        );
        assert_eq!(unwrap_one(&der).unwrap(), der);
    }

    #[test]
    fn broken_blocks_are_refused() {
        for (text, reason) in [
            ("-----BEGIN X-----\nAQID\n", "no END"),
            (
                "-----BEGIN X-----\nA*ID\n-----END X-----\n",
                "not of Base64",
            ),
            (
                "-----BEGIN X-----\nAQ-D\n-----END X-----\n",
                "not of Base64",
            ),
            (
                "-----BEGIN X-----\nAQID\n-----END Y-----\n",
                "another label",
            ),
            (
                "-----BEGIN X-----\nAQID\n-----BEGIN X-----\nAQID\n-----END X-----\n",
                "another block",
            ),
            ("-----BEGIN X-----\nAQIDA\n-----END X-----\n", "cut off"),
            ("-----BEGIN X-----\nAQ=\n-----END X-----\n", "cut off"),
            ("-----BEGIN X-----\nAQID=\n-----END X-----\n", "cut off"),
            ("-----BEGIN X-----\nAQ==AQID\n-----END X-----\n", "goes on"),
        ] {
            let error = unwrap_one(text.as_bytes()).unwrap_err();
            assert!(error.reason.contains(reason), "{text}: {error}");
        }
        assert_eq!(
            unwrap_one(b"-----BEGIN X-----\nAQ==\n-----END X-----").unwrap(),
            [1]
        );
        assert_eq!(
            unwrap_one(b"-----BEGIN X-----\nAQI\n-----END X-----").unwrap(),
            [1, 2]
        );
    }
}
