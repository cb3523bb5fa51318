//! `add-entries`: what a log packs, a mirror unpacks and believes, and nothing else.

use ishibumi_tlog::protocol::add_entries::{
    Event, Package, PackageError, PackageRange, UploadError, UploadHead, UploadReader, packages,
};
use ishibumi_tlog::protocol::mirror_info::MirrorInfo;
use ishibumi_tlog::tree::ProofError;
use ishibumi_tlog::{Checkpoint, Hash};

use super::memory::Nodes;
use super::oracle::{self, H};

const ORIGIN: &str = "log.example/uploads";

fn entry(index: u64) -> Vec<u8> {
    // Entries of no octets and of one are entries too.
    format!("{index}").into_bytes()[1..].to_vec()
}

struct Log {
    leaves: Vec<H>,
    nodes: Nodes,
}

impl Log {
    fn of(size: u64) -> Self {
        let leaves: Vec<H> = (0..size).map(|n| oracle::leaf(&entry(n))).collect();
        let nodes = Nodes::over(&leaves);
        Self { leaves, nodes }
    }

    fn checkpoint(&self, size: u64) -> Checkpoint {
        let root = oracle::mth(&self.leaves[..place(size)]);
        Checkpoint::new(ORIGIN, size, Hash(root))
    }

    fn package(&self, range: PackageRange, size: u64) -> Package {
        let Ok(proof) = Package::prove(&self.nodes.first(size), range, size);
        let entries = (range.start()..range.end()).map(entry).collect();
        Package::new(range, entries, proof.unwrap()).unwrap()
    }

    fn before(&self, range: PackageRange) -> Vec<Hash> {
        let known = place(range.bundle_start())..place(range.start());
        self.leaves[known].iter().copied().map(Hash).collect()
    }

    fn body(&self, head: &UploadHead) -> Vec<u8> {
        let mut body = head.encode().unwrap();
        for range in head.packages() {
            body.extend(self.package(range, head.end).encode());
        }
        body
    }
}

fn place(n: u64) -> usize {
    usize::try_from(n).unwrap()
}

fn head(start: u64, end: u64) -> UploadHead {
    UploadHead {
        origin: ORIGIN.to_owned(),
        start,
        end,
        ticket: b"ticket".to_vec(),
    }
}

/// Reads `body` in pieces of `piece` octets.
fn read(body: &[u8], piece: usize) -> Result<(Vec<Event>, UploadReader), UploadError> {
    let mut reader = UploadReader::new();
    let mut events = Vec::new();
    for mut chunk in body.chunks(piece) {
        while let Some(event) = reader.read(&mut chunk)? {
            events.push(event);
        }
    }
    Ok((events, reader))
}

fn packages_of(events: Vec<Event>) -> Vec<Package> {
    let package = |event| match event {
        Event::Package(package) => Some(package),
        Event::Head(_) => None,
    };
    events.into_iter().filter_map(package).collect()
}

#[test]
fn the_canonical_sequence_is_that_of_the_specification() {
    let sizes = [0_u64, 1, 2, 255, 256, 257, 511, 512, 513, 700];
    for end in sizes {
        for start in sizes.into_iter().filter(|&start| start <= end) {
            let (rounded_start, rounded_end) = (start / 256 * 256, end.div_ceil(256) * 256);
            let count = if start == end {
                0
            } else {
                (rounded_end - rounded_start) / 256
            };
            let expected: Vec<_> = (0..count)
                .map(|i| {
                    let from = start.max(rounded_start + i * 256);
                    (from, end.min(rounded_start + (i + 1) * 256))
                })
                .collect();
            let found: Vec<_> = packages(start, end).map(|r| (r.start(), r.end())).collect();
            assert_eq!(found, expected, "[{start}, {end})");
        }
    }
    let last = packages((1 << 63) - 1, 1 << 63).collect::<Vec<_>>();
    assert_eq!((last.len(), last[0].count(), last[0].before()), (1, 1, 255));
    assert_eq!(PackageRange::first(0, (1 << 63) + 1), None);
}

#[test]
fn what_is_packed_is_unpacked_in_pieces_of_any_length_and_believed() {
    let log = Log::of(700);
    for (start, end) in [
        (0, 0),
        (0, 1),
        (0, 256),
        (3, 700),
        (255, 257),
        (256, 600),
        (700, 700),
    ] {
        let head = head(start, end);
        let body = log.body(&head);
        for piece in [1, 2, 3, 61, 4096, body.len()] {
            let (mut events, reader) = read(&body, piece).unwrap();
            assert!(reader.is_complete() && reader.is_between_packages());
            assert_eq!(events.remove(0), Event::Head(head.clone()));
            let found = packages_of(events);
            assert_eq!(found.len(), head.packages().count());
            for (package, range) in found.into_iter().zip(head.packages()) {
                assert_eq!(package, log.package(range, end));
                let authentic = package
                    .check(&log.before(range), &log.checkpoint(end))
                    .unwrap();
                let mut indices = range.start()..range.end();
                for (leaf, octets) in authentic.into_entries() {
                    let index = indices.next().unwrap();
                    assert_eq!(
                        (leaf, octets),
                        (Hash(log.leaves[place(index)]), entry(index))
                    );
                }
                assert_eq!(indices.next(), None);
            }
        }
    }
}

#[test]
fn octets_after_the_last_package_are_left_alone() {
    let log = Log::of(3);
    let body = log.body(&head(0, 3));
    let longer = [&body[..], b"more"].concat();
    let mut reader = UploadReader::new();
    let mut rest = &longer[..];
    while reader.read(&mut rest).unwrap().is_some() {}
    assert!(reader.is_complete());
    assert_eq!(rest, b"more");
}

#[test]
fn a_body_that_breaks_off_has_its_whole_packages() {
    let log = Log::of(600);
    let head = head(10, 600);
    let body = log.body(&head);
    let mut ends = vec![head.encode().unwrap().len()];
    for range in head.packages() {
        ends.push(ends.last().unwrap() + log.package(range, 600).encode().len());
    }
    for cut in 0..body.len() {
        let (events, reader) = read(&body[..cut], 512).unwrap();
        let whole = ends.iter().filter(|&&end| end <= cut).count();
        assert_eq!(events.len(), whole, "{cut}");
        assert!(!reader.is_complete());
        assert_eq!(reader.is_between_packages(), ends.contains(&cut), "{cut}");
    }
}

/// Every octet of every package, changed: refused, or no package any more. The untouched one is
/// believed.
#[test]
fn a_forged_package_is_not_believed() {
    let log = Log::of(530);
    for (start, end, size) in [
        (0, 256, 530),
        (256, 512, 530),
        (500, 512, 530),
        (512, 530, 530),
        (0, 1, 1),
    ] {
        let range = PackageRange::first(start, end).unwrap();
        let (before, checkpoint) = (log.before(range), log.checkpoint(size));
        let head = head(start, size).encode().unwrap();
        let good = log.package(range, size).encode();
        let judge = |octets: &[u8]| {
            let body = [&head[..], octets].concat();
            let Ok((events, _)) = read(&body, 1 << 20) else {
                return false;
            };
            let Some(package) = packages_of(events).into_iter().next() else {
                return false;
            };
            package.check(&before, &checkpoint).is_ok()
        };
        assert!(judge(&good), "[{start}, {end})");
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x01;
            assert!(!judge(&bad), "[{start}, {end}) octet {at}");
        }
    }
}

#[test]
fn a_package_is_believed_under_its_own_checkpoint_and_neighbours_only() {
    let log = Log::of(600);
    let range = PackageRange::first(300, 600).unwrap();
    let package = log.package(range, 600);
    let before = log.before(range);
    let check =
        |before: &[Hash], checkpoint: &Checkpoint| package.clone().check(before, checkpoint);
    check(&before, &log.checkpoint(600)).unwrap();

    for size in [512, 599] {
        check(&before, &log.checkpoint(size)).unwrap_err();
    }
    let mut forked = log.checkpoint(600);
    forked.root.0[0] ^= 1;
    check(&before, &forked).unwrap_err();
    let mut other = before.clone();
    other[0].0[31] ^= 1;
    check(&other, &log.checkpoint(600)).unwrap_err();
    let missing = check(&before[1..], &log.checkpoint(600));
    let (found, needed) = (43, 44);
    assert_eq!(missing, Err(ProofError::Length { found, needed }));

    // A proof with a hash more or less, and two entries exchanged.
    let (entries, Ok(proof)) = (
        package.entries().to_vec(),
        Package::prove(&log.nodes.first(600), range, 600),
    );
    let proof = proof.unwrap();
    let judge = |entries: &[Vec<u8>], proof: &[Hash]| {
        let package = Package::new(range, entries.to_vec(), proof.to_vec()).unwrap();
        package.check(&before, &log.checkpoint(600))
    };
    judge(&entries, &proof).unwrap();
    judge(&entries, &proof[1..]).unwrap_err();
    judge(&entries, &[&proof[..], &proof[..1]].concat()).unwrap_err();
    let mut exchanged = entries;
    exchanged.swap(0, 211);
    judge(&exchanged, &proof).unwrap_err();
}

#[test]
fn limits_hold_before_memory_is_taken() {
    let with = |origin: &str, start: u64, end: u64| UploadHead {
        origin: origin.to_owned(),
        start,
        end,
        ticket: Vec::new(),
    };
    assert_eq!(with("a", 2, 1).encode(), None);
    assert_eq!(with("a", 0, (1 << 63) + 1).encode(), None);
    assert_eq!(with(&"a".repeat(65_536), 0, 1).encode(), None);
    assert!(with(&"a".repeat(65_535), 0, 1).encode().is_some());

    let raw = |start: u64, end: u64| {
        let mut body = b"\0\x01a".to_vec();
        body.extend(start.to_be_bytes());
        body.extend(end.to_be_bytes());
        body.extend([0, 0]);
        body
    };
    let error = |body: &[u8]| read(body, 7).map(drop).unwrap_err();
    let (start, end) = (2, 1);
    assert_eq!(error(&raw(2, 1)), UploadError::Range { start, end });
    assert_eq!(error(&raw(0, u64::MAX)), UploadError::TooLarge(u64::MAX));
    assert_eq!(error(b"\0\x01\xff"), UploadError::Origin);
    let mut many = raw(0, 1);
    many.extend([0, 0, 64]);
    let (start, end, found) = (0, 1, 64);
    assert_eq!(
        error(&many),
        UploadError::ProofTooLong { start, end, found }
    );
    many[23] = 63;
    read(&many, 1).unwrap();

    // A failed reader takes nothing any more.
    let mut reader = UploadReader::new();
    reader.read(&mut &b"\0\x01\xff"[..]).unwrap_err();
    let mut more = &b"more"[..];
    assert_eq!(reader.read(&mut more), Ok(None));
    assert_eq!(more, b"more");

    let range = PackageRange::first(7, 9).unwrap();
    let refused = |entries, proof| Package::new(range, entries, proof).unwrap_err();
    let (found, start, end) = (1, 7, 9);
    assert_eq!(
        refused(vec![vec![]], vec![]),
        PackageError::Count { found, start, end }
    );
    let (index, len) = (8, 65_536);
    assert_eq!(
        refused(vec![vec![], vec![0; 65_536]], vec![]),
        PackageError::EntryTooLong { index, len }
    );
    let proof = vec![Hash([0; 32]); 64];
    assert_eq!(
        refused(vec![vec![], vec![]], proof),
        PackageError::ProofTooLong(64)
    );
}

#[test]
fn mirror_info_has_one_spelling() {
    for (info, text) in [
        ((600, 256, &b"ticket"[..]), "600\n256\ndGlja2V0\n"),
        ((0, 0, b""), "0\n0\n\n"),
    ] {
        let (size, next, ticket) = (info.0, info.1, info.2.to_vec());
        let info = MirrorInfo { size, next, ticket };
        assert_eq!(info.encode(), text);
        assert_eq!(MirrorInfo::parse(text.as_bytes()), Some(info));
    }
    for bad in [
        "",
        "\n",
        "1\n2\n",
        "1\n2\n\n\n",
        "1\n2",
        "01\n2\n\n",
        "+1\n2\n\n",
        "1\n-0\n\n",
        "1\r\n2\n\n",
        "1\n2\nAA\n",
        "1\n2\n!\n",
        " 1\n2\n\n",
        "1\n18446744073709551616\n\n",
    ] {
        assert_eq!(MirrorInfo::parse(bad.as_bytes()), None, "{bad:?}");
    }
    let with_ticket = |len: usize| MirrorInfo {
        size: u64::MAX,
        next: u64::MAX,
        ticket: vec![0xff; len],
    };
    let longest = with_ticket(65_535);
    assert!(MirrorInfo::parse(longest.encode().as_bytes()) == Some(longest));
    let longer = with_ticket(65_536).encode();
    assert!(MirrorInfo::parse(longer.as_bytes()).is_none());
}
