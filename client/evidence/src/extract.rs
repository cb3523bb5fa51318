//! A collection as the ordinary files that single artifacts have: each with its own proof beside
//! it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use ishibumi_tlog::hash::leaf_hash;
use ishibumi_tlog::proof::FILE_EXTENSION;

use super::encode::{self, stamp_name, status_name};
use super::{Collection, LoggedEntry};

impl Collection {
    /// The files that an ordinary verifier takes, by relative path. If an artifact has several
    /// proofs, the second is `NAME.2.tlog-proof`, and so on.
    pub fn extracted(&self) -> BTreeMap<String, Bytes> {
        let mut files = Files::default();
        let places = encode::places(&self.items, false);
        for (item, (artifact, document)) in self.items.iter().zip(places) {
            if let (Some(name), Some(document)) = (document, &item.document) {
                files.put(name, document.octets.clone());
            }
            for (place, token) in self.stamps_of(item) {
                let token_name = stamp_name(token);
                let name = format!("checkpoint-tokens/{artifact}/{}", last_part(&token_name));
                // Under the item's own checkpoint no other proof is needed.
                let logged = item.proofs.get(place).filter(|_| place > 0);
                files.put_proven(name, &Bytes::copy_from_slice(token), logged);
            }
            files.put_proven(artifact, &item.artifact.octets, item.proofs.first());
        }
        for data in &self.revocation {
            let name = format!("revocation/{}", last_part(&status_name(&data.octets)));
            files.put_proven(name, &data.octets, data.proof.as_ref());
        }
        for logged in &self.statements {
            let name = format!("statements/{}.record", leaf_hash(&logged.entry));
            files.put_proven(name, &Bytes::copy_from_slice(&logged.entry), Some(logged));
        }
        for (name, octets) in encode::information(self) {
            let name = name.strip_prefix("META-INF/").unwrap_or(&name);
            files.put(name.to_owned(), octets.into_owned().into());
        }
        files.0
    }
}

#[derive(Default)]
struct Files(BTreeMap<String, Bytes>);

impl Files {
    fn put(&mut self, name: String, octets: Bytes) {
        self.0.insert(name, octets);
    }

    fn put_proven(&mut self, name: String, octets: &Bytes, logged: Option<&Arc<LoggedEntry>>) {
        if let Some(logged) = logged {
            let proof = Bytes::from(logged.proof().encode());
            let first = [format!("{name}.{FILE_EXTENSION}")].into_iter();
            let others = (2..).map(|number: u64| format!("{name}.{number}.{FILE_EXTENSION}"));
            let is_free = |beside: &String| self.0.get(beside).is_none_or(|known| *known == proof);
            if let Some(beside) = first.chain(others).find(is_free) {
                self.0.insert(beside, proof);
            }
        }
        self.put(name, octets.clone());
    }
}

fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}
