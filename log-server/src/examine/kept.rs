//! The roots that were or could be given out, in the order of their sizes, beside the records.

use std::collections::BTreeMap;

use ishibumi_store::StoreError;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::tile::Edge;
use ishibumi_tlog::{Checkpoint, Hash};

use super::report::{Report, Subject};

/// Sizes of kept checkpoints that are read at once. There may be one for each second that the log
/// ran.
const PAGE: usize = 1000;

type Roots = BTreeMap<u64, Vec<(&'static str, Hash)>>;

/// Roots that are still to be compared.
pub(super) struct Claims<'a> {
    subject: Subject<'a>,
    roots: Roots,
    /// Kept checkpoints below this size are in `roots`, or were compared.
    kept_from: Option<u64>,
}

impl<'a> Claims<'a> {
    /// The heads, and the first kept checkpoints.
    pub(super) fn new(subject: Subject<'a>, report: &mut Report) -> Result<Self, StoreError> {
        let Subject { store, outside, .. } = subject;
        let mut claims = Self {
            subject,
            roots: Roots::new(),
            kept_from: Some(0),
        };
        if let Some((size, root)) = outside.filter(|(size, _)| *size > 0) {
            claims.claim_root("the head file", size, root);
        }
        for (what, note) in [
            ("the signed head", store.signed_head()?),
            ("the published checkpoint", store.published()?),
        ] {
            if let Some(note) = note {
                claims.claim(what, &note, report);
            }
        }
        claims.read_page(report)?;
        Ok(claims)
    }

    /// Holds the records' root against what is claimed for their number.
    pub(super) fn compare(&mut self, edge: &Edge, report: &mut Report) -> Result<(), StoreError> {
        let size = edge.size();
        if self.kept_from.is_some_and(|from| from <= size) {
            self.read_page(report)?;
        }
        let Some(claims) = self.roots.remove(&size) else {
            return Ok(());
        };
        let root = edge.root();
        for (what, claimed) in claims {
            report.checkpoints += 1;
            if claimed != root {
                report.wrong(format!(
                    "{what} of size {size} has root {claimed}, the records have {root}"
                ));
            }
        }
        Ok(())
    }

    /// Names what is claimed for sizes that there are no records for.
    pub(super) fn beyond(mut self, records: u64, report: &mut Report) -> Result<(), StoreError> {
        while self.kept_from.is_some() {
            self.read_page(report)?;
        }
        for (size, claims) in self.roots {
            for (what, _) in claims {
                report.wrong(format!(
                    "{what} is of size {size}, the log has {records} records"
                ));
            }
        }
        Ok(())
    }

    fn read_page(&mut self, report: &mut Report) -> Result<(), StoreError> {
        let Some(from) = self.kept_from else {
            return Ok(());
        };
        let sizes = self.subject.store.kept_sizes(from, PAGE)?;
        self.kept_from = sizes.last().and_then(|last| last.checked_add(1));
        for size in sizes {
            match self.subject.store.kept(size)? {
                Some(kept) => self.claim("a kept checkpoint", &kept.note, report),
                None => report.wrong(format!("the kept checkpoint of size {size} is not there")),
            }
        }
        Ok(())
    }

    fn claim(&mut self, what: &'static str, note: &Note, report: &mut Report) {
        // One from before the ML-DSA-44 key lacks its signature; the Ed25519 key signed them all.
        match note.verify(self.subject.keys) {
            Ok(verified) if verified.iter().any(|signature| signature.key == 0) => {}
            Ok(_) => report.wrong(format!("{what} is not signed by the log's Ed25519 key")),
            Err(error) => report.wrong(format!("{what}: {error}")),
        }
        match Checkpoint::parse(note.text()) {
            Ok(head) => self.claim_root(what, head.size, head.root),
            Err(error) => report.wrong(format!("{what}: {error}")),
        }
    }

    fn claim_root(&mut self, what: &'static str, size: u64, root: Hash) {
        if self.subject.runs && size > self.subject.staged.size() {
            return;
        }
        self.roots.entry(size).or_default().push((what, root));
    }
}
