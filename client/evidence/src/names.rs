//! Names of entries: which are allowed, and which an artifact gets.
//!
//! An evidence file is opened by other tools on other systems, so a name is only what every file
//! system takes and none reads as something else.

use std::collections::BTreeMap;

use ishibumi_tlog::Hash;

/// The longest name of an entry, in octets.
const NAME_LEN_MAX: usize = 255;

/// The longest name that an artifact or document keeps, in octets; this leaves space for additions.
const KEPT_LEN_MAX: usize = 200;

/// The folder that holds all but artifacts and documents (EN 319 162-1).
pub(crate) const META: &str = "META-INF";

/// The first entry.
pub(crate) const MIMETYPE: &str = "mimetype";

/// Whether an entry may be called so: one or more parts, none of which leads elsewhere.
pub(crate) fn is_entry_name(name: &str) -> bool {
    name.len() <= NAME_LEN_MAX && !folded(name).eq(&folded(META)) && name.split('/').all(is_part)
}

fn is_part(part: &str) -> bool {
    let ends_badly = part.ends_with(['.', ' ']) || part.starts_with(' ');
    !part.is_empty() && !ends_badly && !part.chars().any(is_forbidden) && !is_device(part)
}

/// Characters that some file system gives a meaning, and those that no eye sees.
fn is_forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
        // Marks that turn the direction of writing, and other invisible ones.
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Whether Windows takes the name for a device, with any extension.
fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or_default();
    let stem = stem.trim_end().to_ascii_lowercase();
    let numbered = |prefix: &str| {
        let number = stem.strip_prefix(prefix);
        number.is_some_and(|number| number.len() == 1 && number.bytes().all(|b| b.is_ascii_digit()))
    };
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

/// Two names are one, on some file system, if these are equal.
pub(crate) fn folded(name: &str) -> String {
    name.to_lowercase()
}

/// The name that a file is kept under: its own name, as far as it is allowed. Applying it again
/// gives the same name.
pub(crate) fn kept(name: &str) -> String {
    let clean = |c: char| if is_forbidden(c) { '_' } else { c };
    let mut kept: String = name.chars().map(clean).collect();
    while kept.len() > KEPT_LEN_MAX {
        kept.pop();
    }
    let kept = kept.trim_start_matches(' ').trim_end_matches(['.', ' ']);
    let reserved = [META, MIMETYPE].map(folded);
    if kept.is_empty() || is_device(kept) || reserved.contains(&folded(kept)) {
        return format!("_{kept}");
    }
    kept.to_owned()
}

/// The paths of files in the root of the container, by kept name and content: their name if no
/// other file wants it, otherwise the name with the beginning of their SHA-256 before the
/// extension. The order of the files does not matter.
pub(crate) fn place<'a>(
    files: impl IntoIterator<Item = (&'a str, Hash)>,
) -> BTreeMap<(&'a str, Hash), String> {
    let mut wanted: BTreeMap<String, Vec<(&str, Hash)>> = BTreeMap::new();
    for file in files {
        let claims = wanted.entry(folded(file.0)).or_default();
        if !claims.contains(&file) {
            claims.push(file);
        }
    }
    let mut placed = BTreeMap::new();
    for claims in wanted.into_values() {
        let alone = claims.len() == 1;
        for file in claims {
            let (name, digest) = file;
            let given = if alone {
                name.to_owned()
            } else {
                marked(name, digest)
            };
            placed.insert(file, given);
        }
    }
    placed
}

fn marked(name: &str, digest: Hash) -> String {
    let digest = digest.to_hex();
    let mark = digest.get(..32).unwrap_or(&digest);
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => format!("{stem}.{mark}.{extension}"),
        _ => format!("{name}.{mark}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kept_name_is_allowed_and_stays() {
        for name in [
            "contract.tst",
            "a/b",
            "..",
            ".",
            "",
            "CON.txt",
            "lpt1",
            "META-INF",
            "Mimetype",
            "a.",
            " a",
            "a\u{202e}b",
            "\u{7891}.pdf",
            "a\nb",
            "a:b",
            &"x".repeat(300),
            "com10",
            "nul .txt",
        ] {
            let once = kept(name);
            assert!(is_entry_name(&once), "{name:?} -> {once:?}");
            assert_eq!(kept(&once), once, "{name:?}");
            assert!(is_entry_name(&marked(&once, Hash([0; 32]))), "{once:?}");
        }
        assert_eq!(kept("contract.tst"), "contract.tst");
    }

    #[test]
    fn files_of_one_name_are_told_apart_in_any_order() {
        let (one, other) = (Hash([1; 32]), Hash([2; 32]));
        let files = [("a.tst", one), ("A.tst", other), ("b", one), ("a.tst", one)];
        let placed = place(files);
        assert_eq!(placed, place(files.into_iter().rev()));
        assert_eq!(placed[&("b", one)], "b");
        assert_eq!(
            placed[&("a.tst", one)],
            format!("a.{}.tst", "01".repeat(16))
        );
        assert_eq!(
            placed[&("A.tst", other)],
            format!("A.{}.tst", "02".repeat(16))
        );
        assert_eq!(placed.len(), 3);
    }
}
