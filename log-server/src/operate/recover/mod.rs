//! `recover`: makes the data directory of a log anew, from anyone who has a copy, and says whether
//! the log may sign again (docs/recovery.md).
//!
//! Records are verified against checkpoints that the log's own key signed. Whether it is *all* that
//! the key signed is another question, and the one that decides: a log that signs on from less
//! forks. So the head file, and every witness and mirror of the policy, are asked for more. If any
//! has more, the data are put where they can be read, the head file says how far the key has
//! signed, and the start rule keeps everybody from signing.
//!
//! The records are gathered beside the data directory, in one that bears its name with
//! `.recovering` behind it, which becomes the data directory at the very end. A data directory that
//! is there and too old is brought forward where it lies.

mod plan;
mod progress;
mod rebuild;
mod refusal;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ishibumi_store::{
    Clock as _, HeadFile, LogStore as _, Machine, RocksLog, StoreError, SystemClock, private,
};
use ishibumi_tlog::key::VerifierKey;
use ishibumi_tlog::note::Note;
use ishibumi_tlog::policy::TrustError;
use ishibumi_tlog::{Checkpoint, Hash, Policy};

use self::plan::{Plan, plan};
pub use self::progress::{Phase, Progress};
pub use self::refusal::RecoverError;
use super::OperateError;
use super::endpoints::endpoints;
use super::keys::public_keys;
use super::policy::read_policy;
use super::reach::Reach;
use super::source::Source;
use super::survey::{Seen, Sight, survey};
use crate::config::Config;
use crate::core::{Endpoint, Foreign};

/// The most complaints about sources that are kept.
const COMPLAINTS_MAX: usize = 50;

/// Where to recover from, and who is not asked.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// URLs, archives, data directories; if there are none, the mirrors of the configuration.
    pub from: Vec<String>,
    /// Names of witnesses and mirrors that are gone for ever and need not answer.
    pub without: Vec<String>,
}

/// The state after the recovery.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// The size of the tree that is there.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// The size of the newest checkpoint with the quorum.
    pub published: u64,
    /// Records, blobs and kept checkpoints that were brought.
    pub brought: [u64; 3],
    /// Blobs that records name and no source has.
    pub missing_blobs: u64,
    /// Records that were signed and are in no source.
    pub lost: u64,
    /// Why the log must not sign; empty if it may.
    pub obstacles: Vec<String>,
    /// The heads that the witnesses and mirrors hold, a line each.
    pub seen: Vec<String>,
    /// Faults of sources, a line each.
    pub complaints: Vec<String>,
}

/// Rebuilds the data directory. The log must not be running.
///
/// # Errors
/// [`OperateError`] if the log was not recovered: no source leads to its newest known head, or a
/// file cannot be written.
pub fn recover(
    config: &Config,
    wishes: &Wishes,
    progress: &mut Progress<'_>,
) -> Result<Recovered, OperateError> {
    let keys = public_keys(config)?;
    let policy = read_policy(config)?;
    let asked = asked(&policy, config, wishes)?;
    let mut head_file = head_file(config, &keys[0])?;
    // Before anything is brought: an operator whose log may not sign here is told so at once.
    if let Some(head_file) = &mut head_file {
        head_file.claim(&Machine::here())?;
    }
    let reach = Arc::new(Reach::new()?);
    let mut complaints: Vec<String> = Vec::new();
    let mut complain = |what: String| {
        if complaints.len() < COMPLAINTS_MAX && !complaints.contains(&what) {
            complaints.push(what);
        }
    };
    let sources = sources(config, wishes, &asked, &reach, &mut complain)?;
    let place = Workplace::open(config)?;
    let own = own_head(&place.store, &keys)?;
    let plan = plan(&sources, own.as_ref(), &keys, &mut complain)?;
    place.check(&sources, &plan)?;

    let records = rebuild::records(&place.store, &sources, &plan, &mut complain, progress)?;
    let root = rebuild::root_at(&place.store, plan.goal.size)?;
    if root != plan.goal.root {
        return Err(place.another_tree());
    }
    let (blobs, missing_blobs) = rebuild::blobs(&place.store, &sources, &mut complain, progress)?;
    let (store, goal) = (&place.store, &plan.goal);
    let kept = rebuild::kept(
        store,
        &sources,
        &plan,
        &keys,
        &policy,
        &mut complain,
        progress,
    )?;
    set_signed(store, &plan, &keys)?;
    let signed = store.signed_head()?;
    let seen = survey(&reach, &asked, &config.origin, &keys, signed.as_ref());
    let published = publish(store, signed.as_ref(), &plan, &seen, &policy)?;
    let verdict = Verdict::of(store, goal, head_file.as_ref(), &seen)?;
    drop(sources);
    let mut recovered = Recovered {
        size: goal.size,
        root: goal.root,
        published,
        brought: [records, blobs, kept],
        missing_blobs,
        lost: verdict.signed.size.saturating_sub(goal.size),
        obstacles: verdict.obstacles.clone(),
        seen: seen.iter().map(ToString::to_string).collect(),
        complaints: Vec::new(),
    };
    verdict.write(config, &keys, head_file, &place.store)?;
    place.put_in_place()?;
    recovered.complaints = complaints;
    Ok(recovered)
}

/// The head file, locked; `None` if there is none. The process that holds it is the only one that
/// works on this log.
fn head_file(config: &Config, key: &VerifierKey) -> Result<Option<HeadFile>, OperateError> {
    match HeadFile::open(&config.head_dir, key) {
        Ok(file) => Ok(Some(file)),
        Err(StoreError::Absent { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Who has to be asked.
fn asked(policy: &Policy, config: &Config, wishes: &Wishes) -> Result<Vec<Endpoint>, OperateError> {
    let mut asked = endpoints(policy, config)?;
    for name in &wishes.without {
        let before = asked.len();
        asked.retain(|endpoint| endpoint.keys().all(|key| key.name() != name));
        if asked.len() == before {
            let policy = config.policy_file.display().to_string();
            let name = name.clone();
            return Err(RecoverError::Without { name, policy }.into());
        }
    }
    Ok(asked)
}

fn sources(
    config: &Config,
    wishes: &Wishes,
    asked: &[Endpoint],
    reach: &Arc<Reach>,
    complain: &mut impl FnMut(String),
) -> Result<Vec<Source>, OperateError> {
    let named = |text: &String| Source::open(text, &config.origin, reach);
    if !wishes.from.is_empty() {
        return wishes.from.iter().map(named).collect();
    }
    let mirrors = asked
        .iter()
        .filter(|endpoint| !endpoint.mirror_keys.is_empty());
    let opened = mirrors.map(|mirror| named(&mirror.url));
    // The caller did not name them, so it is no mistake of the caller's if one is away.
    let opened =
        opened.filter_map(|source| source.map_err(|error| complain(error.to_string())).ok());
    Ok(opened.collect())
}

/// The directory in which the log is rebuilt, open.
struct Workplace {
    store: RocksLog,
    path: PathBuf,
    /// Where it goes in the end; `None` if it is there.
    target: Option<PathBuf>,
}

impl Workplace {
    fn open(config: &Config) -> Result<Self, OperateError> {
        let data = &config.data_dir;
        if !is_empty(data)? {
            return Ok(Self {
                store: RocksLog::open(data, &config.origin)?,
                path: data.clone(),
                target: None,
            });
        }
        let path = recovering(data);
        if !path.exists() {
            // The directory is made under another name first, so that there is never half of one
            // under this name.
            let new = path.with_extension("recovering-new");
            if new.exists() {
                std::fs::remove_dir_all(&new).map_err(|error| OperateError::file(&new, error))?;
            }
            drop(RocksLog::create(&new, &config.origin)?);
            std::fs::rename(&new, &path).map_err(|error| OperateError::file(&path, error))?;
        }
        Ok(Self {
            store: RocksLog::open(&path, &config.origin)?,
            path,
            target: Some(data.clone()),
        })
    }

    /// Checks that the data that are here already are part of the tree that is to be rebuilt.
    fn check(&self, sources: &[Source], plan: &Plan) -> Result<(), OperateError> {
        let here = self.store.staged()?;
        let goal = &plan.goal;
        if here.size() >= goal.size {
            let contained = rebuild::root_at(&self.store, goal.size)? == goal.root;
            return if contained {
                Ok(())
            } else {
                Err(self.another_tree())
            };
        }
        let whole = plan.usable.iter().find(|(_, head)| head == goal);
        let whole = whole.and_then(|(place, _)| sources.get(*place));
        let (Some(whole), true) = (whole, here.size() > 0) else {
            return Ok(());
        };
        let nodes = ishibumi_tlog::tile::TileNodes::new(whole, goal.size);
        let proof = ishibumi_tlog::tree::prove_consistency(&nodes, here.size(), goal.size);
        let proof = proof.map_err(|error| OperateError::Damaged(error.to_string()))?;
        let proof = proof.unwrap_or_default();
        let (size, root) = (here.size(), here.root());
        ishibumi_tlog::tree::check_consistency(size, root, goal.size, goal.root, &proof)
            .map_err(|_| self.another_tree())
    }

    fn another_tree(&self) -> OperateError {
        let path = self.path.display().to_string();
        RecoverError::AnotherTree { path }.into()
    }

    /// Closes the store and gives the directory its name. The last step.
    fn put_in_place(self) -> Result<(), OperateError> {
        let Self {
            store,
            path,
            target,
        } = self;
        drop(store);
        let Some(target) = target else {
            return Ok(());
        };
        let failed = |error: std::io::Error| OperateError::file(&target, error);
        // An empty directory gives way to another; one that is not empty never.
        std::fs::rename(&path, &target).map_err(failed)?;
        let folder = target
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = std::fs::File::open(folder.unwrap_or(Path::new("."))).map_err(failed)?;
        folder.sync_all().map_err(failed)
    }
}

/// Where a data directory is rebuilt.
pub(super) fn recovering(data: &Path) -> PathBuf {
    let mut name = data.file_name().unwrap_or_default().to_owned();
    name.push(".recovering");
    data.with_file_name(name)
}

pub(super) fn is_empty(directory: &Path) -> Result<bool, OperateError> {
    match std::fs::read_dir(directory) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(OperateError::file(directory, error)),
    }
}

/// The newest head of the data that are there.
fn own_head(store: &RocksLog, keys: &[VerifierKey]) -> Result<Option<Foreign>, OperateError> {
    let Some(note) = store.signed_head()? else {
        return Ok(None);
    };
    let origin = keys.first().map_or("", VerifierKey::name);
    let own = Foreign::signed(note.encode().as_bytes(), keys, origin);
    let foreign =
        || OperateError::Damaged("the signed head in the database is not by this log's key".into());
    own.map(Some).ok_or_else(foreign)
}

/// Sets the signed head, if a source has a newer one.
fn set_signed(store: &RocksLog, plan: &Plan, keys: &[VerifierKey]) -> Result<(), OperateError> {
    let present = store.signed_head()?;
    let known = present.as_ref().map_or(0, size_of);
    let offer = plan
        .offers
        .iter()
        .find(|offer| offer.checkpoint == plan.goal);
    if let Some(offer) = offer.filter(|_| known < plan.goal.size) {
        let verified = offer.note.verify(keys);
        let verified = verified.map_err(|error| OperateError::Damaged(error.to_string()))?;
        store.swap_signed_head(present.as_ref(), &offer.note.retain(&verified))?;
    }
    Ok(())
}

/// Publishes the largest checkpoint with the quorum, and returns its size: a kept one, or the
/// signed head with the cosignatures that sources, witnesses and mirrors have, each some of them.
fn publish(
    store: &RocksLog,
    signed: Option<&Note>,
    plan: &Plan,
    seen: &[Seen],
    policy: &Policy,
) -> Result<u64, OperateError> {
    let mut newest = store.published()?.as_ref().map_or(0, size_of);
    if let Some(signed) = signed {
        let mut note = signed.clone();
        let offered = plan.offers.iter().map(|offer| &offer.note);
        let shown = seen.iter().filter_map(|seen| match &seen.sight {
            Sight::Shows(shown) => Some(&shown.note),
            _ => None,
        });
        for other in offered
            .chain(shown)
            .filter(|other| other.text() == signed.text())
        {
            // One line that does not verify would spoil the others.
            for line in other.signatures() {
                let mut with = note.clone();
                with.push(line.clone());
                let verifies = policy.check_checkpoint(&with);
                if matches!(verifies, Ok(_) | Err(TrustError::NoQuorum { .. })) {
                    note = with;
                }
            }
        }
        let size = size_of(signed);
        if let Ok(trusted) = policy.check_checkpoint(&note)
            && size > newest
        {
            store.publish(size, trusted.note(), true)?;
            newest = size;
        }
    }
    let mut from = newest + 1;
    loop {
        let sizes = store.kept_sizes(from, 1_000)?;
        let Some(&last) = sizes.last() else {
            return Ok(newest);
        };
        // The largest of this page with today's quorum.
        for size in sizes.into_iter().rev() {
            let Some(kept) = store.kept(size)? else {
                continue;
            };
            if let Ok(trusted) = policy.check_checkpoint(&kept.note) {
                store.publish(size, trusted.note(), true)?;
                newest = size;
                break;
            }
        }
        from = last + 1;
    }
}

fn size_of(note: &Note) -> u64 {
    Checkpoint::parse(note.text()).map_or(0, |checkpoint| checkpoint.size)
}

/// Whether the log may sign.
struct Verdict {
    /// The rebuilt data.
    goal: u64,
    /// How far its key has signed, as far as any source shows.
    signed: ishibumi_store::Head,
    obstacles: Vec<String>,
    /// A tree that the key signed and that is not part of what was rebuilt.
    elsewhere: Option<Foreign>,
}

impl Verdict {
    fn of(
        store: &RocksLog,
        goal: &Checkpoint,
        head_file: Option<&HeadFile>,
        seen: &[Seen],
    ) -> Result<Self, OperateError> {
        let mut signed = ishibumi_store::Head {
            size: goal.size,
            root: goal.root,
        };
        let (mut obstacles, mut elsewhere) = (Vec::new(), None);
        let outside = head_file.map(HeadFile::read).transpose()?.flatten();
        if let Some(outside) = outside {
            if outside.size > goal.size {
                obstacles.push(format!(
                    "the head file says that {} records were signed, of which the last {} are in no source",
                    outside.size,
                    outside.size - goal.size
                ));
                signed = outside;
            } else {
                let rebuilt = rebuild::root_at(store, outside.size)?;
                let ishibumi_store::Head { size, root: signed } = outside;
                if rebuilt != signed {
                    return Err(RecoverError::OtherHead {
                        size,
                        signed,
                        rebuilt,
                    }
                    .into());
                }
            }
        }
        for witness in seen {
            match &witness.sight {
                Sight::Shows(shown) if shown.checkpoint.size > goal.size => {
                    obstacles.push(witness.to_string());
                    if shown.checkpoint.size > signed.size {
                        (signed.size, signed.root) = (shown.checkpoint.size, shown.checkpoint.root);
                    }
                }
                Sight::Shows(shown) => {
                    if rebuild::root_at(store, shown.checkpoint.size)? != shown.checkpoint.root {
                        obstacles.push(format!("{witness}, which is another tree"));
                        elsewhere = Some(shown.as_ref().clone());
                    }
                }
                Sight::Says(size) if *size > goal.size => obstacles.push(witness.to_string()),
                Sight::Strange => obstacles.push(witness.to_string()),
                // The head file was synced before each signature left: no source can hold more than
                // it says.
                Sight::Unreachable(_) if outside.is_none() => obstacles.push(format!(
                    "{witness}; without the head file every one of them has to be asked"
                )),
                Sight::Says(_) | Sight::Nothing | Sight::Unreachable(_) => {}
            }
        }
        Ok(Self {
            goal: goal.size,
            signed,
            obstacles,
            elsewhere,
        })
    }

    /// Writes the head file: how far the key has signed. If that is not known, none is written, and
    /// without one nothing starts. Another tree is kept beside it, so that a start finds it no
    /// matter which witness is away then.
    fn write(
        &self,
        config: &Config,
        keys: &[VerifierKey],
        head_file: Option<HeadFile>,
        store: &RocksLog,
    ) -> Result<(), OperateError> {
        let mut head_file = match head_file {
            // The head file of a log that was made anew knows no signed head.
            Some(file) if self.unknown() && file.read()?.is_none() => return Ok(file.put_aside()?),
            Some(file) => file,
            None if self.unknown() => return Ok(()),
            None => {
                private::make_dir(&config.head_dir)
                    .map_err(|error| OperateError::file(&config.head_dir, error))?;
                let mut made = HeadFile::create(&config.head_dir, &keys[0])?;
                made.claim(&Machine::here())?;
                made
            }
        };
        head_file.advance(self.signed.size, self.signed.root)?;
        if let (Some(foreign), Some(ours)) = (&self.elsewhere, store.signed_head()?)
            && let Some(evidence) = foreign.evidence(keys, &ours, store, SystemClock.unix_time())
        {
            head_file.accuse(evidence.encode().as_bytes())?;
        }
        Ok(())
    }

    /// Whether a witness or mirror may hold more than any of them shows.
    fn unknown(&self) -> bool {
        !self.obstacles.is_empty() && self.signed.size == self.goal
    }
}
