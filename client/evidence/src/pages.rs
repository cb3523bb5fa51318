//! Pages that explain the file to a reader who has nothing else: a README in two languages, and the
//! pages of the formats.

use std::borrow::Cow;

use super::index::Index;
use super::layout::Entries;
use super::{Collection, readme};

const FOLDER: &str = "META-INF/formats/";
const README_EN: &str = "META-INF/README.txt";
const README_JA: &str = "META-INF/README.ja.txt";

/// The pages that are needed to write a reader anew, without our code.
const FORMATS: [(&str, &str); 5] = [
    ("c2sp.md", include_str!("../formats/c2sp.md")),
    (
        "checkpoint-token.md",
        include_str!("../formats/checkpoint-token.md"),
    ),
    (
        "evidence-file.md",
        include_str!("../formats/evidence-file.md"),
    ),
    ("multiproof.md", include_str!("../formats/multiproof.md")),
    ("record.md", include_str!("../formats/record.md")),
];

/// The longest page that is read, in octets.
pub(super) const PAGE_LEN_MAX: usize = 1 << 20;

/// Whether an entry is at the path of one of these pages: pages may differ between versions of this
/// program, and nothing else may be at their paths.
pub(super) fn is_page(name: &str) -> bool {
    let page = name
        .strip_prefix(FOLDER)
        .and_then(|it| it.strip_suffix(".md"));
    let plain = |page: &str| {
        let mut octets = page.bytes();
        !page.is_empty() && octets.all(|it| it.is_ascii_alphanumeric() || it == b'-')
    };
    name == README_EN || name == README_JA || page.is_some_and(plain)
}

/// The pages that are not those of this version. An older or newer version wrote them, or a forger:
/// their text is not verified.
pub(super) fn foreign<'a>(
    pages: impl Iterator<Item = (&'a str, &'a [u8])>,
    collection: &Collection,
    index: &Index,
) -> Vec<String> {
    let mut own = Entries::new();
    add(&mut own, collection, index);
    let is_own = |name: &str, octets: &[u8]| own.get(name).is_some_and(|own| **own == *octets);
    pages
        .filter(|(name, octets)| !is_own(name, octets))
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// Adds them.
pub(super) fn add(entries: &mut Entries<'_>, collection: &Collection, index: &Index) {
    let values = readme::Values::of(collection, index);
    for (name, template) in [(README_EN, readme::ENGLISH), (README_JA, readme::JAPANESE)] {
        let text = values.fill(template);
        entries.insert(name.to_owned(), Cow::Owned(text.into_bytes()));
    }
    for (name, page) in FORMATS {
        let page = Cow::Borrowed(page.as_bytes());
        entries.insert(format!("{FOLDER}{name}"), page);
    }
}
