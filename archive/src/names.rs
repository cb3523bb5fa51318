//! The names of files in an archive: a closed list of shapes, so that no name can lead out of the
//! folder that it is unpacked to, or be read as another.

use ishibumi_tlog::hash::Hash;
use ishibumi_tlog::tile::{TileKind, TilePath};

/// The note that everything else is held against.
pub const CHECKPOINT: &str = "checkpoint";

/// The page for readers without software of ours, in English.
pub const README: &str = "README.txt";

/// Name of the README in Japanese.
pub const README_JA: &str = "README.ja.txt";

/// The first page of the listing of kept checkpoints (`docs/formats/archive.md`).
pub const LISTING: &str = "checkpoints/index.json";

/// The page of the listing that begins at `size`.
pub fn listing_from(size: u64) -> String {
    format!("checkpoints/index-{size}.json")
}

/// The list of SHA-256 sums of the volume `volume`.
pub fn sums(volume: &str) -> String {
    format!("sha256sums-{volume}")
}

/// The name of the volume with the entries `[65536 number, 65536 (number + 1))`, without `.zip`.
pub fn volume(number: u64) -> String {
    format!("{number:03}")
}

/// The name of the side volume `number`, without `.zip`.
pub fn side(number: u64) -> String {
    format!("side-{number:03}")
}

/// Whether a volume may have a file of this name.
pub fn is_known(name: &str) -> bool {
    match name {
        CHECKPOINT | README | README_JA | LISTING => return true,
        _ => {}
    }
    if let Some(tile) = TilePath::parse(name) {
        return matches!(tile.kind, TileKind::Entries | TileKind::Hashes(0..=7));
    }
    if let Some(volume) = name.strip_prefix("sha256sums-") {
        let number = volume.strip_prefix("side-").unwrap_or(volume);
        return (3..=20).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    }
    match name.split_once('/') {
        Some(("checkpoints", rest)) => {
            let page = rest
                .strip_prefix("index-")
                .and_then(|r| r.strip_suffix(".json"));
            is_number(page.unwrap_or(rest))
        }
        Some(("blob", digest)) => Hash::from_hex(digest).is_some(),
        _ => false,
    }
}

/// The size that a file `checkpoints/<size>` is kept for.
pub fn kept_size(name: &str) -> Option<u64> {
    let size = name.strip_prefix("checkpoints/")?;
    is_number(size).then(|| size.parse().ok())?
}

/// Decimal, in its one spelling.
fn is_number(text: &str) -> bool {
    text.parse::<u64>()
        .is_ok_and(|number| number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::is_known;

    #[test]
    fn only_the_files_of_an_archive_have_names() {
        let blob = format!("blob/{}", "0a".repeat(32));
        for name in [
            "checkpoint",
            "README.txt",
            "README.ja.txt",
            "tile/0/000",
            "tile/entries/x001/234.p/5",
            "tile/7/000.p/1",
            "checkpoints/12",
            "checkpoints/index.json",
            "checkpoints/index-7.json",
            "sha256sums-000",
            "sha256sums-side-012",
            "sha256sums-1000",
            &blob,
        ] {
            assert!(is_known(name), "{name}");
        }
        for name in [
            "",
            "/checkpoint",
            "../checkpoint",
            "checkpoint/",
            "Checkpoint",
            "tile/0/0",
            "tile/8/000",
            "tile/0/../1/000",
            "tile\\0\\000",
            "checkpoints/012",
            "checkpoints/+1",
            "checkpoints/",
            "checkpoints/index-07.json",
            "sha256sums-",
            "sha256sums-../x",
            "sha256sums-side-",
            "blob/00",
            "blob/../checkpoint",
            "a.txt",
            "tile/entries/000.p/256",
            "checkpoints/99999999999999999999",
        ] {
            assert!(!is_known(name), "{name}");
        }
    }
}
