//! Finds the signatures of a PDF: every ByteRange, and the hexadecimal string that its gap has to
//! be.
//!
//! A PDF comes from anywhere, so the work is linear in its length whatever is in it: two passes
//! over the octets find the names, each array and each string is read once however many ByteRanges
//! lead to it, and a ByteRange that was seen is not looked at again. [`Scan::looked_at`] counts, so
//! that a test can hold it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::error::PdfError;

/// The most pieces of one ByteRange that are read (ISO 32000-2 table 255: "pairs of integers").
const PIECES_MAX: usize = 16;

/// A ByteRange, the offset of its name, and the pieces of the file that it covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) at: usize,
    pub(super) covers: Option<Vec<Range<usize>>>,
}

/// A PDF that is searched.
pub(super) struct Scan<'a> {
    pdf: &'a [u8],
    /// Number of octets looked at so far.
    pub(super) looked_at: u64,
}

impl<'a> Scan<'a> {
    pub(super) const fn new(pdf: &'a [u8]) -> Self {
        Self { pdf, looked_at: 0 }
    }

    /// Every ByteRange in the order of the file, each array once; those that cannot be read one by
    /// one. No more than `most` of either kind; whether there were more is the second value.
    pub(super) fn byte_ranges(&mut self, most: usize) -> (Vec<Found>, bool) {
        let (mut found, mut known) = (Vec::new(), BTreeSet::new());
        let mut unreadable = 0;
        let mut from = 0;
        while let Some((at, behind)) = self.name(b"ByteRange", from) {
            from = behind;
            let covers = self.array(behind);
            match &covers {
                Some(pieces) => {
                    let key: Vec<_> = pieces.iter().map(|it| (it.start, it.end)).collect();
                    if known.contains(&key) {
                        continue;
                    }
                    if known.len() == most {
                        return (found, true);
                    }
                    known.insert(key);
                }
                None if unreadable == most => return (found, true),
                None => unreadable += 1,
            }
            found.push(Found { at, covers });
        }
        (found, false)
    }

    /// Of the offsets in `wanted` those at which the hexadecimal string of a Contents begins, each
    /// with its end; `None` for a string that is not hexadecimal to its end.
    pub(super) fn contents(
        &mut self,
        wanted: &BTreeSet<usize>,
    ) -> BTreeMap<usize, Option<Range<usize>>> {
        let mut strings = BTreeMap::new();
        let mut from = 0;
        while let Some((_, behind)) = self.name(b"Contents", from).filter(|_| !wanted.is_empty()) {
            from = behind;
            let start = self.behind_space(behind);
            if wanted.contains(&start) && self.pdf.get(start) == Some(&b'<') {
                strings.insert(start, self.hex_string(start));
            }
        }
        strings
    }

    /// The next name of this text from `from` on, and the offset behind it. A name may spell any of
    /// its characters as `#` and two digits (ISO 32000-2 7.3.5).
    fn name(&mut self, wanted: &[u8], mut from: usize) -> Option<(usize, usize)> {
        loop {
            let rest = self.pdf.get(from..)?;
            let Some(before) = rest.iter().position(|octet| *octet == b'/') else {
                self.looked_at += rest.len() as u64;
                return None;
            };
            let start = from + before;
            let mut at = start + 1;
            let mut same = true;
            for letter in wanted {
                let (octet, length) = name_octet(self.pdf.get(at..).unwrap_or_default());
                if octet != Some(*letter) {
                    same = false;
                    break;
                }
                at += length;
            }
            self.looked_at += (at - from) as u64;
            from = at;
            let ends = self
                .pdf
                .get(at)
                .is_none_or(|next| is_space(*next) || is_delimiter(*next));
            if same && ends {
                return Some((start, at));
            }
        }
    }

    /// The pieces that the array at `from` names: pairs of an offset and a length, in plain.
    fn array(&mut self, from: usize) -> Option<Vec<Range<usize>>> {
        let mut at = self.behind_space(from);
        if self.pdf.get(at) != Some(&b'[') {
            return None;
        }
        at += 1;
        let mut pieces = Vec::new();
        loop {
            let start = self.number(&mut at);
            let Some(start) = start else {
                let closed = self.pdf.get(at) == Some(&b']');
                return (closed && !pieces.is_empty()).then_some(pieces);
            };
            let length = self.number(&mut at)?;
            if pieces.len() == PIECES_MAX {
                return None;
            }
            pieces.push(start..start.saturating_add(length));
        }
    }

    /// The number at `at` behind space; none of more digits than a usize has.
    fn number(&mut self, at: &mut usize) -> Option<usize> {
        *at = self.behind_space(*at);
        let rest = self.pdf.get(*at..).unwrap_or_default();
        let length = rest
            .iter()
            .take_while(|octet| octet.is_ascii_digit())
            .count();
        self.looked_at += length as u64;
        let digits = std::str::from_utf8(rest.get(..length)?).ok()?;
        let number = digits.parse().ok()?;
        *at += length;
        Some(number)
    }

    fn behind_space(&mut self, from: usize) -> usize {
        let rest = self.pdf.get(from..).unwrap_or_default();
        let spaces = rest.iter().take_while(|octet| is_space(**octet)).count();
        self.looked_at += spaces as u64 + 1;
        from + spaces
    }

    /// From `<` at `start` to behind `>`, if nothing but digits and space stands between.
    fn hex_string(&mut self, start: usize) -> Option<Range<usize>> {
        let rest = self.pdf.get(start + 1..).unwrap_or_default();
        let digits = rest
            .iter()
            .take_while(|octet| octet.is_ascii_hexdigit() || is_space(**octet));
        let length = digits.count();
        self.looked_at += length as u64 + 1;
        (rest.get(length) == Some(&b'>')).then(|| start..start + length + 2)
    }
}

/// An octet of a name, and how many octets spell it; none at the name's end.
fn name_octet(rest: &[u8]) -> (Option<u8>, usize) {
    match rest {
        [b'#', high, low, ..] => {
            let digit = |octet: &u8| char::from(*octet).to_digit(16);
            let value = digit(high).zip(digit(low));
            let value = value.and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
            (value, 3)
        }
        [octet, ..] if !is_space(*octet) && !is_delimiter(*octet) => (Some(*octet), 1),
        _ => (None, 0),
    }
}

/// ISO 32000-2 table 1.
pub(super) const fn is_space(octet: u8) -> bool {
    matches!(octet, 0 | b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

/// ISO 32000-2 table 2.
const fn is_delimiter(octet: u8) -> bool {
    matches!(
        octet,
        b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%'
    )
}

impl Found {
    /// The gap between the two pieces of a signature, which cover the file from its start to the
    /// gap and on behind it.
    pub(super) fn gap(&self) -> Option<Range<usize>> {
        match self.covers.as_deref()? {
            [before, behind] if before.start == 0 => {
                let gap = before.end..behind.start;
                (!gap.is_empty() && !behind.is_empty()).then_some(gap)
            }
            _ => None,
        }
    }

    /// Why it cannot be the ByteRange of a signature that is read here.
    pub(super) fn refusal(&self) -> PdfError {
        match self.covers.as_deref() {
            Some([one, other]) => {
                PdfError::Coverage([one.start, one.len(), other.start, other.len()])
            }
            _ => PdfError::ByteRange,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(pdf: &[u8]) -> Vec<Option<Vec<Range<usize>>>> {
        let (found, _) = Scan::new(pdf).byte_ranges(9);
        found.into_iter().map(|it| it.covers).collect()
    }

    #[test]
    fn names_are_found_however_they_are_spelled_and_no_others() {
        let two = Some(vec![0..1, 2..5]);
        for pdf in [
            "/ByteRange [0 1 2 3]",
            "/ByteRange[0 1 2 3]",
            "/By#74eRange\r\n[ 0\t1 2\n3 ]",
            "/#42#79#74#65#52#61#6E#67#65[0 1 2 3]",
            "//ByteRange [0 1 2 3]",
            "/Byte/ByteRange [0 1 2 3]",
        ] {
            assert_eq!(ranges(pdf.as_bytes()), std::slice::from_ref(&two), "{pdf}");
        }
        for pdf in [
            "/ByteRanges [0 1 2 3]",
            "ByteRange [0 1 2 3]",
            "/ByteRang",
            "/Byte#",
        ] {
            assert!(ranges(pdf.as_bytes()).is_empty(), "{pdf}");
        }
        for pdf in [
            "/ByteRange 12 0 R",
            "/ByteRange [0 1 2]",
            "/ByteRange [0 1 2 3",
            "/ByteRange []",
            "/ByteRange [0 1 18446744073709551616 9]",
            "/ByteRange [0 1 -2 3]",
            "/ByteRange",
        ] {
            assert_eq!(ranges(pdf.as_bytes()), [None], "{pdf}");
        }
        let three = Some(vec![0..1, 2..5, 9..10]);
        assert_eq!(ranges(b"/ByteRange [0 1 2 3 9 1]"), [three]);
        assert_eq!(
            ranges(b"/ByteRange [0 1]/ByteRange [0 1]"),
            [Some(std::iter::once(0..1).collect::<Vec<_>>())]
        );
    }

    #[test]
    fn strings_of_contents_are_found_at_the_wanted_places() {
        let pdf = b"/Contents <aB 0> /Contents<00/Contents  <<>>";
        let wanted = BTreeSet::from([10, 26, 40, 3]);
        let found = Scan::new(pdf).contents(&wanted);
        let expected = [(10, Some(10..16)), (26, None), (40, None)];
        assert_eq!(found, BTreeMap::from(expected));
    }

    /// For repetitions of any kind and length: each octet is looked at a few times at most.
    #[test]
    fn the_work_is_linear() {
        const LENGTH: usize = 1 << 17;
        let spaces = " ".repeat(LENGTH);
        let some = "/ByteRange [0 131083 131085 9]";
        for (before, repeated) in [
            (format!("/Contents{spaces}<>"), some),
            (String::new(), "/ByteRange "),
            (String::new(), "/ByteRange[1 1"),
            (String::new(), "/ByteRange[11111111111111111111111111"),
            (String::new(), "/Contents<"),
            (String::new(), "/Contents <a"),
            (String::new(), "/"),
            (String::new(), "/#"),
            (String::new(), "/By#74eRang"),
            (format!("/ByteRange{spaces}"), "["),
        ] {
            let mut pdf = before.clone().into_bytes();
            while pdf.len() < 4 * LENGTH {
                pdf.extend_from_slice(repeated.as_bytes());
            }
            let mut scan = Scan::new(&pdf);
            scan.byte_ranges(usize::MAX);
            scan.contents(&(0..pdf.len()).collect());
            let most = 4 * pdf.len() as u64;
            assert!(scan.looked_at <= most, "{repeated}: {}", scan.looked_at);
        }
    }
}
