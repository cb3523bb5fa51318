//! What explains the file to who has nothing else: a README in two languages, and the pages of the
//! formats.

use std::borrow::Cow;

use super::encode::Entries;
use super::index::Index;
use super::{Collection, readme};

const FOLDER: &str = "META-INF/formats/";
const README_EN: &str = "META-INF/README.txt";
const README_JA: &str = "META-INF/README.ja.txt";

/// What is needed to write a reader anew, without our code.
const FORMATS: [(&str, &str); 5] = [
    ("c2sp.md", include_str!("../../../docs/formats/c2sp.md")),
    (
        "checkpoint-token.md",
        include_str!("../../../docs/formats/checkpoint-token.md"),
    ),
    (
        "evidence-file.md",
        include_str!("../../../docs/formats/evidence-file.md"),
    ),
    (
        "multiproof.md",
        include_str!("../../../docs/formats/multiproof.md"),
    ),
    ("record.md", include_str!("../../../docs/formats/record.md")),
];

/// Whether an entry is one of these pages: they may differ between versions of this program.
pub(super) fn is_page(name: &str) -> bool {
    let format = name.strip_prefix(FOLDER);
    name == README_EN || name == README_JA || format.is_some_and(|page| !page.contains('/'))
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
