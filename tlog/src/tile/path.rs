//! Tile paths: `tile/<L>/<N>[.p/<W>]` and `tile/entries/<N>[.p/<W>]` (C2SP tlog-tiles, "APIs").

use std::fmt;

use super::TILE_WIDTH;
use crate::decimal;

/// The resource that a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TileKind {
    /// Hashes at this tile level, 0 to 63.
    Hashes(u8),
    /// An entry bundle.
    Entries,
}

/// The path of a tile or entry bundle below a log's URL. Parsing accepts canonical paths only, so
/// that one resource has one URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TilePath {
    /// Hashes or entries.
    pub kind: TileKind,
    /// The index within its level.
    pub index: u64,
    /// Number of hashes or entries, 1 to 256; 256 has no `.p` suffix.
    pub width: u16,
}

impl TilePath {
    /// Reads a relative path, without a leading slash; `None` for any that is not canonical.
    pub fn parse(path: &str) -> Option<Self> {
        let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            level => {
                let level = u8::try_from(decimal::parse(level)?)
                    .ok()
                    .filter(|&l| l <= 63)?;
                TileKind::Hashes(level)
            }
        };
        let (index, width) = match rest.split_once(".p/") {
            None => (rest, TILE_WIDTH),
            Some((index, width)) => {
                let width = u16::try_from(decimal::parse(width)?).ok()?;
                (index, Some(width).filter(|w| (1..TILE_WIDTH).contains(w))?)
            }
        };
        let parsed = Self {
            kind,
            index: parse_index(index)?,
            width,
        };
        Some(parsed)
    }
}

/// Groups of three digits, all but the last with an `x` in front, no superfluous leading group.
fn parse_index(text: &str) -> Option<u64> {
    let mut groups = text.split('/').peekable();
    let mut index: u64 = 0;
    let mut first = true;
    while let Some(group) = groups.next() {
        let last = groups.peek().is_none();
        let digits = if last {
            group
        } else {
            group.strip_prefix('x')?
        };
        if digits.len() != 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        if first && !last && digits == "000" {
            return None;
        }
        index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
        first = false;
    }
    Some(index)
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes(level) => write!(f, "tile/{level}/")?,
            TileKind::Entries => f.write_str("tile/entries/")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for (place, group) in groups.iter().enumerate().rev() {
            if place > 0 {
                write!(f, "x{group:03}/")?;
            } else {
                write!(f, "{group:03}")?;
            }
        }
        if self.width < TILE_WIDTH {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}
