//! The charge to submitters: for the work that was done, also on refused artifacts; and no artifact
//! may make more records than the quota allows at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ishibumi_artifact::record::{ArchiveCustodian, EndingStatement, LastCrl, Opaque};
use ishibumi_artifact::{ArtifactType, Body, Record};
use ishibumi_log::admission::{Tried, admit};
use ishibumi_log::config::Config;
use ishibumi_log::core::Sequencer;
use ishibumi_log::http::problem::Problem;
use ishibumi_log::kind::Kind;
use ishibumi_log::provider_end::admit_statement;
use ishibumi_log::refusal::Refusal;
use ishibumi_log::registry::{Registry, Submitter};
use ishibumi_store::{HandClock, LogStore, MemoryLog, SystemClock};
use ishibumi_tlog::Hash;

const SECRET: &[u8] = b"a bearer token";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn vector(name: &str) -> Vec<u8> {
    std::fs::read(repository().join("testdata/records").join(name)).unwrap()
}

/// The provider of the vectors, with this quota.
fn north(quota: &str) -> Submitter {
    provider(&format!("quota = {quota}"))
}

/// The provider of the vectors, with these lines more.
fn provider(more: &str) -> Submitter {
    let hash = Hash::of(SECRET);
    let text = format!(
        "origin = \"log.example\"\ndata_dir = \"d\"\nhead_dir = \"h\"\nkey_file = \"k\"\npolicy_file = \"p\"\n\
         [[provider]]\nid = \"north\"\nkinds = [\"timestamp-token\", \"crl\"]\ntoken_sha256 = [\"{hash}\"]\n\
         anchors = [\"testdata/records/root.crt\"]\nintermediates = [\"testdata/records/issuing.crt\"]\n\
         {more}\n"
    );
    let registry = Registry::load(&Config::parse(&text, &repository()).unwrap()).unwrap();
    registry.by_token(hash).unwrap()
}

fn send(submitter: &Submitter, kind: ArtifactType, octets: &[u8]) -> Tried {
    admit(submitter, Kind::Artifact(kind), octets, &SystemClock)
}

/// How many records were made, or what the submitter is told.
fn said(tried: Tried) -> Result<usize, Problem> {
    let outcome = tried.outcome.map(|item| item.records.len());
    outcome.map_err(Problem::from)
}

fn refused(tried: Tried) -> Problem {
    said(tried).unwrap_err()
}

#[test]
fn what_is_refused_is_charged_like_what_is_taken() {
    let token = vector("token.tst");
    let mut forged = token.clone();
    *forged.last_mut().unwrap() ^= 1;
    let north_of_three = north("{ per_day = 3 }");
    for _ in 0..3 {
        let tried = send(&north_of_three, ArtifactType::TimestampToken, &forged);
        assert_eq!(tried.effort, 1);
        assert_eq!(refused(tried).name, "signature-invalid");
    }
    // Overdrawn: nothing is looked at any more, be it good or bad.
    for octets in [&forged, &token] {
        let tried = send(&north_of_three, ArtifactType::TimestampToken, octets);
        assert_eq!(tried.effort, 0);
        let problem = refused(tried);
        assert_eq!(problem.name, "quota-exceeded");
        assert!(problem.retry_after_seconds.is_some_and(|it| it > 0));
    }
    // Control: it was taken before; its chain is logged with it, and so the allowance is overdrawn,
    // too.
    let north_of_three = north("{ per_day = 3 }");
    let taken = send(&north_of_three, ArtifactType::TimestampToken, &token);
    assert_eq!(taken.effort, 1);
    assert_eq!(said(taken), Ok(4));
    let next = send(&north_of_three, ArtifactType::TimestampToken, &token);
    assert_eq!(refused(next).name, "quota-exceeded");
}

#[test]
fn a_list_that_the_quota_does_not_allow_at_once_is_refused_by_its_length() {
    let list = vector("issuing.crl");
    let tried = send(&north("{ per_minute = 3 }"), ArtifactType::Crl, &list);
    let problem = refused(tried);
    assert_eq!(
        (problem.name, problem.status.as_u16()),
        ("records-too-many", 413)
    );
    let what = "it would make 4 records, and at most 3 are taken of one artifact here: no more than the quota \
                allows at once; ask the log's operator for a larger one";
    assert_eq!(problem.detail, what);
    // Control: one record more, or no limit.
    for quota in ["{ per_minute = 4 }", "{}"] {
        let taken = send(&north(quota), ArtifactType::Crl, &list);
        assert_eq!(said(taken), Ok(4), "{quota}");
    }
}

#[test]
fn a_quota_comes_back_with_time_that_passes_and_not_with_a_clock_that_jumps() {
    let token = vector("token.tst");
    let north = north("{ per_minute = 3 }");
    let clock = HandClock::at(1_800_000_000);
    let send = || {
        let kind = Kind::Artifact(ArtifactType::TimestampToken);
        said(admit(&north, kind, &token, &clock))
    };
    assert_eq!(send(), Ok(4));
    let problem = send().unwrap_err();
    assert_eq!(problem.retry_after_seconds, Some(40));
    // A day ahead, and two back: no time has passed.
    for unix_seconds in [1_800_086_400, 1_799_913_600] {
        clock.set(unix_seconds);
        assert_eq!(send().unwrap_err().retry_after_seconds, Some(40));
    }
    clock.advance(Duration::from_secs(39));
    assert_eq!(send().unwrap_err().retry_after_seconds, Some(1));
    clock.advance(Duration::from_secs(1));
    assert_eq!(send(), Ok(4));
}

#[test]
fn a_provider_is_in_the_state_that_its_clock_says() {
    let token = vector("token.tst");
    let suspended = "status = [{ state = \"accepted\", from = 2026-01-01T00:00:00Z }, \
                     { state = \"suspended\", from = 2027-01-01T00:00:00Z }]";
    let north = provider(suspended);
    let name = |unix_seconds| {
        let kind = Kind::Artifact(ArtifactType::TimestampToken);
        let tried = admit(&north, kind, &token, &HandClock::at(unix_seconds));
        said(tried).map_err(|problem| problem.name)
    };
    let suspended_at = 1_798_761_600;
    assert_eq!(name(suspended_at), Err("provider-suspended"));
    assert_eq!(name(suspended_at - 1), Ok(4));
}

/// A statement of some octets has a list verified again that may have any length.
#[test]
fn a_statement_about_a_list_costs_what_the_list_did() {
    let list = vector("issuing.crl");
    let item = send(&north("{}"), ArtifactType::Crl, &list).outcome;
    let item = item.unwrap();
    let Body::Crl(body) = Record::decode(&item.records[3].octets)
        .unwrap()
        .body()
        .clone()
    else {
        panic!("the list's own record is the last")
    };
    let store: Arc<dyn LogStore> = Arc::new(MemoryLog::new());
    let sequencer = Sequencer::open(Arc::clone(&store)).unwrap();
    sequencer.stage(vec![item]).unwrap();
    let about_the_list = EndingStatement::LastCrl(LastCrl {
        sequence: 0,
        crl: body.digest,
        issuer_key_hash: body.issuer_key_hash,
    });
    let about_nothing = EndingStatement::ArchiveCustodian(ArchiveCustodian {
        sequence: 0,
        name: Opaque::new("name", "an archive").unwrap(),
        location: Opaque::new("location", "archive.example").unwrap(),
        archive: [7; 32],
    });
    // As many as are taken before the quota of five is used up.
    let taken = |statement: &EndingStatement| {
        let north = north("{ per_day = 5 }");
        let record = Record::from(Body::Provider(statement.by("north").unwrap()));
        let state = || admit_statement(&north, store.as_ref(), &record.encode(), &SystemClock);
        let taken = std::iter::from_fn(|| state().ok()).take(10).count();
        let refused = state().unwrap_err();
        assert!(
            matches!(refused, Refusal::QuotaExceeded { .. }),
            "{refused}"
        );
        taken
    };
    // One and three entries, twice; the second overdraws.
    assert_eq!(taken(&about_the_list), 2);
    // Control: it is the list that costs.
    assert_eq!(taken(&about_nothing), 5);
}
