//! Counting what in the log's own records gives cause for suspicion.
//!
//! A thread beside the sequencer reads what was staged and applies the rules that auditors apply
//! ([`Suspicion`]). It delays no submission: when it falls behind by more than [`BACKLOG_MAX`]
//! batches the newest are passed over and counted, and it stops nothing. Its counts are for the
//! operator's eyes; the evidence is in the log, where any auditor finds it again, the passed-over
//! records too.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use ishibumi_artifact::record::{Body, OcspBody, Reinstatement, Revocation, Suspicion, TokenBody};
use ishibumi_artifact::time::Time;
use ishibumi_artifact::{Certificate, LookupKey, Record};
use ishibumi_store::{Clock, LogStore, StoreError};
use ishibumi_tlog::shown;
use tokio::sync::watch;

use super::publisher::Published;
use super::revocation_source::RevocationSources;
use crate::clock;
use crate::metrics::Metrics;

/// Batches that may wait to be looked at.
const BACKLOG_MAX: usize = 1024;
/// Records that are read at once.
const CHUNK: u64 = 1024;
/// Tokens from the future that wait for the checkpoint that covers them.
const AHEAD_MAX: usize = 4096;
/// Records under one key that are compared.
const COMPARED_MAX: usize = 64;
/// How often tokens from the future are held against the published checkpoint.
const TICK: Duration = Duration::from_secs(1);

/// Tells the watching thread what was staged.
pub(super) struct SuspicionWatcher {
    ranges: SyncSender<(u64, u64)>,
    metrics: Arc<Metrics>,
}

impl SuspicionWatcher {
    /// Starts the thread; it ends when this value is gone.
    pub(super) fn start(
        store: Arc<dyn LogStore>,
        published: watch::Receiver<Option<Published>>,
        metrics: Arc<Metrics>,
        clock: Arc<dyn Clock>,
    ) -> (Self, std::thread::JoinHandle<()>) {
        let (ranges, staged) = sync_channel(BACKLOG_MAX);
        let watching = Watching {
            sources: RevocationSources::new(Arc::clone(&store)),
            store,
            published,
            metrics: Arc::clone(&metrics),
            clock,
            ahead: Vec::new(),
        };
        let thread = std::thread::spawn(move || watching.run(&staged));
        (Self { ranges, metrics }, thread)
    }

    /// The records `start..end` are new.
    pub(super) fn staged(&self, start: u64, end: u64) {
        if start == end {
            return;
        }
        // The backlog is full, or the thread is gone: either way the batch is passed over.
        if self.ranges.try_send((start, end)).is_err() {
            self.metrics.unwatched.inc_by(end - start);
        }
    }
}

struct Watching {
    store: Arc<dyn LogStore>,
    sources: RevocationSources,
    published: watch::Receiver<Option<Published>>,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    /// Tokens whose genTime lay ahead of the clock, with their indices.
    ahead: Vec<(u64, TokenBody)>,
}

impl Watching {
    fn run(mut self, staged: &Receiver<(u64, u64)>) {
        loop {
            match staged.recv_timeout(TICK) {
                Ok((start, end)) => {
                    if let Err(error) = self.look_at(start, end) {
                        let error = shown::line(&error.to_string());
                        eprintln!("records {start}..{end} were not looked at: {error}");
                        self.metrics.unwatched.inc_by(end - start);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.hold_against_published();
        }
    }

    fn look_at(&mut self, start: u64, end: u64) -> Result<(), StoreError> {
        let now = clock::now(self.clock.as_ref());
        let mut at = start;
        while at < end {
            let records = self.store.records(at, end.min(at + CHUNK))?;
            if records.is_empty() {
                return Ok(());
            }
            for octets in records {
                if let Ok(record) = Record::decode(&octets) {
                    match record.body() {
                        Body::Token(token) => self.token(at, token, &record, now)?,
                        Body::Revocation(revocation) => self.revocation(at, revocation, &record)?,
                        Body::Ocsp(response) => self.response(at, response)?,
                        _ => {}
                    }
                }
                at += 1;
            }
        }
        Ok(())
    }

    fn token(
        &mut self,
        index: u64,
        token: &TokenBody,
        record: &Record,
        now: Time,
    ) -> Result<(), StoreError> {
        let tsu = |key: &LookupKey| matches!(key, LookupKey::TsuSerial { .. });
        if let Some(key) = record.lookup_keys().iter().find(|key| tsu(key)) {
            // The log has no record twice, so another index is another token.
            let first = self.store.lookup(&key.to_bytes(), 0, 1)?;
            if first.first().is_some_and(|&first| first < index) {
                self.metrics.suspicion(Suspicion::SerialReused);
            }
        }
        if token.is_ahead_of(now) && self.ahead.len() < AHEAD_MAX {
            self.ahead.push((index, token.clone()));
        }
        Ok(())
    }

    fn revocation(
        &mut self,
        index: u64,
        revocation: &Revocation,
        record: &Record,
    ) -> Result<(), StoreError> {
        let keys = record.lookup_keys();
        let Some(key) = keys.first() else {
            return Ok(());
        };
        let said = self.said_before(index, key)?;
        if said.is_silent() {
            return Ok(());
        }
        let at = self.sources.stated_at(index, revocation)?;
        let worst = match revocation.taking_back(at) {
            Some(statement) => said.against(&statement),
            // It was counted with the revocation before this one.
            None if !said.revoked.is_empty() => None,
            None => {
                let judged = said.taken_back.iter();
                judged
                    .filter_map(|it| it.judge(at, said.not_after, false))
                    .min()
            }
        };
        if let Some(suspicion) = worst {
            self.metrics.suspicion(suspicion);
        }
        Ok(())
    }

    fn response(&mut self, index: u64, response: &OcspBody) -> Result<(), StoreError> {
        let mut worst = None;
        for answer in response.answers() {
            let Some(statement) = answer.taking_back() else {
                continue;
            };
            let key = LookupKey::IssuerSerial {
                issuer_key_hash: response.issuer_key_hash,
                serial: answer.serial.as_bytes().to_vec(),
            };
            let found = self.said_before(index, &key)?.against(&statement);
            worst = worst.into_iter().chain(found).min();
        }
        if let Some(suspicion) = worst {
            self.metrics.suspicion(suspicion);
        }
        Ok(())
    }

    /// The statements of records before `index` about the certificate that `key` names.
    fn said_before(&mut self, index: u64, key: &LookupKey) -> Result<Said, StoreError> {
        let mut said = Said::default();
        for other in self.store.lookup(&key.to_bytes(), 0, COMPARED_MAX)? {
            let octets = self.store.record(other)?.filter(|_| other < index);
            let Some(before) = octets.and_then(|octets| Record::decode(&octets).ok()) else {
                continue;
            };
            match before.body() {
                Body::Revocation(before) => {
                    let at = self.sources.stated_at(other, before)?;
                    match before.taking_back(at) {
                        Some(statement) => said.taken_back.push(statement),
                        None => said.revoked.push(at),
                    }
                }
                Body::Ocsp(response) => {
                    let about = |serial: &[u8]| matches!(key, LookupKey::IssuerSerial { serial: wanted, .. } if wanted == serial);
                    let answers = response.answers().iter();
                    let answers = answers.filter(|answer| about(answer.serial.as_bytes()));
                    said.taken_back.extend(
                        answers.filter_map(ishibumi_artifact::record::OcspAnswer::taking_back),
                    );
                }
                Body::Certificate(body) => {
                    let certificate = Certificate::from_der(body.certificate.as_bytes());
                    let ends = certificate.ok().map(|it| it.not_after());
                    said.not_after = said.not_after.max(ends);
                }
                Body::CertificateDigest(body) => {
                    said.not_after = said.not_after.max(Some(body.not_after.time()));
                }
                _ => {}
            }
        }
        Ok(said)
    }

    fn hold_against_published(&mut self) {
        let published = self.published.borrow().clone();
        let Some(published) = published else { return };
        let (size, time) = (published.checkpoint().size, published.not_after());
        let metrics = &self.metrics;
        self.ahead.retain(|(index, token)| {
            let covered = *index < size;
            if let Some(time) = time.filter(|_| covered) {
                let time = Time::from_unix(i64::try_from(time).unwrap_or(i64::MAX));
                if token.is_ahead_of(time) {
                    metrics.suspicion(Suspicion::GenTimeAhead);
                }
            }
            !covered
        });
    }
}

/// The log's records about one certificate.
#[derive(Default)]
struct Said {
    /// When it ends; of several certificates with one serial, the last.
    not_after: Option<Time>,
    /// When definitive revocations were stated.
    revoked: Vec<Option<Time>>,
    taken_back: Vec<Reinstatement>,
}

impl Said {
    fn is_silent(&self) -> bool {
        self.revoked.is_empty() && self.taken_back.is_empty()
    }

    /// The suspicion that a newer record raises by taking a statement back; the graver cause if
    /// there are two.
    fn against(&self, statement: &Reinstatement) -> Option<Suspicion> {
        let revoked = self.revoked.iter();
        revoked
            .filter_map(|&at| statement.judge(at, self.not_after, true))
            .min()
    }
}
