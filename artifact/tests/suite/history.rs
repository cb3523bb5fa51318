//! What lists and responses of different times say about one certificate: holds that end, deltas,
//! expired certificates, and signers that may not speak. Each defence beside what it lets through.

use std::sync::Arc;

use crate::support::{Node, P256, Pki};
use ishibumi_artifact::history::Status;
use ishibumi_artifact::record::Reason;
use ishibumi_artifact::{Anchors, Certificate, History, StatusInformation};

const DATES: (&str, &str) = ("20250101000000Z", "20400101000000Z");
const ENDED: (&str, &str) = ("20200101000000Z", "20210101000000Z");

fn pki() -> Pki {
    let pki = Pki::new();
    issue(&pki, "one", "v3_plain", DATES);
    pki
}

fn issue(pki: &Pki, name: &str, extensions: &str, dates: (&str, &str)) {
    pki.key(name, P256);
    pki.request(name, &format!("/C=JP/CN={name}"));
    pki.sign(name, "issuing", extensions, dates, &[]);
}

/// The list of `ca` of the first of a month of 2026, until the first of the next.
fn list(pki: &Pki, ca: &str, month: u8, more: &[&str]) -> Vec<u8> {
    let from = format!("2026{month:02}01000000Z");
    let to = format!("2026{:02}01000000Z", month + 1);
    let dates = ["-crl_lastupdate", &from, "-crl_nextupdate", &to];
    pki.crl(ca, &[&dates[..], more].concat())
}

/// Rewrites the reason of the only revoked certificate in the CA's database; none: not revoked.
fn set_reason(pki: &Pki, ca: &str, name: &str, reason: Option<&str>) {
    let serial = hex::encode_upper(pki.certificate(name).serial());
    let row = reason.map(|reason| {
        let reason = if reason.is_empty() {
            String::new()
        } else {
            format!(",{reason}")
        };
        format!("R\t400101000000Z\t260101000000Z{reason}\t{serial}\tunknown\t/CN={name}\n")
    });
    pki.write(&format!("{ca}/index.txt"), row.unwrap_or_default());
}

fn read(bytes: &[u8], anchors: &Anchors) -> StatusInformation {
    StatusInformation::verify(bytes, anchors).unwrap()
}

fn ask(pki: &Pki, name: &str, sources: &[&StatusInformation]) -> History {
    let sources: Vec<StatusInformation> = sources.iter().map(|&source| source.clone()).collect();
    let above = ["issuing", "root"].map(|name| Arc::new(pki.certificate(name)));
    History::of(&pki.certificate(name), &above, &sources, None)
}

/// Codes of the revocations that stand; 255 for one without a reason.
fn standing(history: &History) -> Vec<u8> {
    let code = |reason: Option<Reason>| reason.map_or(255, Reason::code);
    history
        .revocations()
        .map(|(_, entry)| code(entry.reason))
        .collect()
}

#[test]
fn a_hold_ends_with_any_later_word_and_a_revocation_never() {
    let pki = pki();
    let anchors = pki.anchors();
    let at = |month: u8, reason: Option<&str>| {
        set_reason(&pki, "issuing", "one", reason);
        read(&list(&pki, "issuing", month, &[]), &anchors)
    };
    let hold = at(2, Some("holdInstruction,holdInstructionReject"));
    let silent = at(3, None);
    let released = at(3, Some("removeFromCRL"));
    let compromised = at(3, Some("keyCompromise"));
    let held_again = at(4, Some("holdInstruction,holdInstructionReject"));
    let before = at(1, None);

    assert_eq!(standing(&ask(&pki, "one", &[&hold])), [6]);
    for end in [&silent, &released] {
        let history = ask(&pki, "one", &[&hold, end]);
        assert!(standing(&history).is_empty());
        assert_eq!(history.good().count(), 1);
        // The order in which they are given says nothing.
        assert!(standing(&ask(&pki, "one", &[end, &hold])).is_empty());
    }
    assert_eq!(standing(&ask(&pki, "one", &[&hold, &before])), [6]);
    assert_eq!(standing(&ask(&pki, "one", &[&hold, &compromised])), [1]);
    assert_eq!(
        standing(&ask(&pki, "one", &[&hold, &released, &held_again])),
        [6]
    );
    // Reinstatement after a definitive revocation does not happen; the log's auditors are told.
    let later = at(5, None);
    assert_eq!(standing(&ask(&pki, "one", &[&compromised, &later])), [1]);
}

#[test]
fn a_delta_speaks_over_the_list_that_it_builds_on() {
    let pki = pki();
    let anchors = pki.anchors();
    set_reason(
        &pki,
        "issuing",
        "one",
        Some("holdInstruction,holdInstructionReject"),
    );
    let held = read(&list(&pki, "issuing", 1, &[]), &anchors);
    set_reason(&pki, "issuing", "one", Some("removeFromCRL"));
    let release = read(
        &list(&pki, "issuing", 2, &["-crlexts", "crl_delta"]),
        &anchors,
    );
    set_reason(&pki, "issuing", "one", None);
    let silent = read(
        &list(&pki, "issuing", 3, &["-crlexts", "crl_delta"]),
        &anchors,
    );

    let released = ask(&pki, "one", &[&held, &release]);
    assert!(standing(&released).is_empty());
    assert_eq!(released.good().next().unwrap().says, Status::Released);

    issue(&pki, "two", "v3_plain", DATES);
    let alone = ask(&pki, "two", &[&silent]);
    assert_eq!(alone.good().count(), 0);
    assert!(alone.silences()[0].why.contains("delta"), "{alone:?}");
    let over = ask(&pki, "two", &[&held, &silent]);
    assert_eq!(over.good().count(), 2);
    let newest = over.good().map(|word| word.issued).max().unwrap();
    assert_eq!(newest.to_string(), "2026-03-01T00:00:00Z");
}

#[test]
fn silence_about_an_expired_certificate_counts_only_where_it_is_kept_listed() {
    let pki = pki();
    let anchors = pki.anchors();
    issue(&pki, "ended", "v3_plain", ENDED);
    set_reason(&pki, "issuing", "one", None);
    let ordinary = read(&list(&pki, "issuing", 1, &[]), &anchors);
    let keeps = read(
        &list(&pki, "issuing", 1, &["-crlexts", "crl_expired_2020"]),
        &anchors,
    );
    let keeps_less = read(
        &list(&pki, "issuing", 1, &["-crlexts", "crl_expired_2022"]),
        &anchors,
    );
    assert_eq!(ask(&pki, "ended", &[&keeps]).good().count(), 1);
    for source in [&ordinary, &keeps_less] {
        let history = ask(&pki, "ended", &[source]);
        assert_eq!(history.good().count(), 0);
        assert!(history.silences()[0].why.contains("expired"), "{history:?}");
        assert_eq!(ask(&pki, "one", &[source]).good().count(), 1);
    }
    // That it is named counts all the same.
    let serial = hex::encode_upper(pki.certificate("ended").serial());
    let row = format!("R\t210101000000Z\t200601000000Z,keyCompromise\t{serial}\tunknown\t/CN=x\n");
    pki.write("issuing/index.txt", row);
    let names = read(&list(&pki, "issuing", 2, &[]), &anchors);
    assert_eq!(standing(&ask(&pki, "ended", &[&names])), [1]);
}

/// A response by the issuing CA, with these extensions in the answer; OpenSSL cannot make such a
/// one, so that its own is taken apart and signed anew.
fn with_extensions(pki: &Pki, response: &[u8], extensions: Vec<Node>) -> Vec<u8> {
    let mut outer = Node::read(response);
    let octets = outer.child(1).child(0).child(1).bytes();
    let mut basic = Node::read(octets);
    let data = basic.child(0);
    let place = data
        .children()
        .iter()
        .position(|field| matches!(field, Node::Tree(0x30, _)))
        .unwrap();
    let answer = data.child(place).child(0);
    let list = Node::Tree(0x30, extensions);
    answer.children().push(Node::Tree(0xa1, vec![list]));
    pki.write("data.der", data.der());
    let signature = pki.openssl(&["dgst", "-sha256", "-sign", "issuing.key", "data.der"]);
    *basic.child(2) = Node::Leaf(0x03, [&[0][..], &signature].concat());
    *outer.child(1).child(0).child(1).bytes() = basic.der();
    outer.der()
}

fn extension(oid: &[u8], value: &Node) -> Node {
    let name = Node::Leaf(0x06, oid.to_vec());
    Node::Tree(0x30, vec![name, Node::Leaf(0x04, value.der())])
}

fn archive_cutoff(date: &str) -> Node {
    let oid = [0x2b, 6, 1, 5, 5, 7, 0x30, 1, 6];
    extension(&oid, &Node::Leaf(0x18, date.as_bytes().to_vec()))
}

fn cert_hash(certificate: &Certificate) -> Node {
    let sha256 = [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
    let algorithm = Node::Tree(0x30, vec![Node::Leaf(0x06, sha256.to_vec())]);
    let hash = Node::Leaf(0x04, certificate.digest().to_vec());
    let oid = [0x2b, 0x24, 8, 3, 0x0d];
    extension(&oid, &Node::Tree(0x30, vec![algorithm, hash]))
}

#[test]
fn responses_are_words_like_lists() {
    let pki = pki();
    let anchors = pki.anchors();
    issue(&pki, "ended", "v3_plain", ENDED);
    issue(&pki, "two", "v3_plain", DATES);
    let about = |names: &[&str]| pki.ocsp("issuing", names, "issuing");
    let both = about(&["one", "ended"]);
    let good = read(&both, &anchors);
    let history = ask(&pki, "one", &[&good]);
    assert_eq!(history.good().count(), 1);
    assert_eq!(ask(&pki, "two", &[&good]), History::default());
    // "Good" about what has expired is no more than silence.
    let ended = ask(&pki, "ended", &[&good]);
    assert_eq!(ended.good().count(), 0);
    assert!(ended.silences()[0].why.contains("expired"), "{ended:?}");

    let alone = about(&["ended"]);
    let words = |extension: Node| {
        let response = with_extensions(&pki, &alone, vec![extension]);
        ask(&pki, "ended", &[&read(&response, &anchors)])
            .good()
            .count()
    };
    assert_eq!(words(archive_cutoff("20200101000000Z")), 1);
    assert_eq!(words(archive_cutoff("20220101000000Z")), 0);
    assert_eq!(words(cert_hash(&pki.certificate("ended"))), 1);
    // Another certificate of this serial: the response is not about ours at all.
    assert_eq!(words(cert_hash(&pki.certificate("one"))), 0);

    // A later "good" ends a hold; a hold of later than that does not care.
    set_reason(
        &pki,
        "issuing",
        "one",
        Some("holdInstruction,holdInstructionReject"),
    );
    let hold = read(&list(&pki, "issuing", 1, &[]), &anchors);
    assert!(standing(&ask(&pki, "one", &[&hold, &good])).is_empty());
    let dates = ["-crl_lastupdate", "20380101000000Z"];
    let dates = [&dates[..], &["-crl_nextupdate", "20390101000000Z"]].concat();
    let later = read(&pki.crl("issuing", &dates), &anchors);
    assert_eq!(standing(&ask(&pki, "one", &[&later, &good])), [6]);

    set_reason(&pki, "issuing", "one", Some("superseded"));
    let revoked = read(&about(&["one"]), &anchors);
    assert_eq!(standing(&ask(&pki, "one", &[&revoked])), [4]);
    set_reason(&pki, "issuing", "one", Some(""));
    let without_reason = read(&about(&["one"]), &anchors);
    assert_eq!(standing(&ask(&pki, "one", &[&without_reason])), [255]);
    // A serial that the responder does not know.
    let unknown = read(&about(&["two"]), &anchors);
    let history = ask(&pki, "two", &[&unknown]);
    assert_eq!((history.good().count(), history.silences().len()), (0, 1));
}

#[test]
fn a_responder_that_was_revoked_is_not_believed() {
    let pki = pki();
    let anchors = pki.anchors();
    issue(&pki, "responder", "v3_ocsp", DATES);
    let good = read(&pki.ocsp("issuing", &["one"], "responder"), &anchors);
    assert_eq!(ask(&pki, "one", &[&good]).good().count(), 1);
    let serial = hex::encode_upper(pki.certificate("responder").serial());
    let revoked = |date: &str, reason: &str| {
        let row = format!("R\t400101000000Z\t{date}{reason}\t{serial}\tunknown\t/CN=x\n");
        pki.write("issuing/index.txt", row);
        read(&list(&pki, "issuing", 1, &[]), &anchors)
    };
    let words = |list: &StatusInformation| {
        let good = good.clone();
        let history = ask(&pki, "one", &[&good, list]);
        let spoke = history.good().any(|word| word.source == 0);
        (spoke, history.silences().len())
    };
    assert_eq!(
        words(&revoked("260101000000Z", ",keyCompromise")),
        (false, 1)
    );
    assert_eq!(words(&revoked("350101000000Z", "")), (false, 1));
    assert_eq!(words(&revoked("260101000000Z", ",superseded")), (false, 1));
    // The orderly end of a CA, after it answered.
    let end = revoked("350101000000Z", ",cessationOfOperation");
    assert_eq!(words(&end), (true, 0));
}

#[test]
fn only_the_issuer_and_whom_it_names_have_a_say() {
    let pki = pki();
    let anchors =
        Anchors::from_certificates([pki.certificate("root"), pki.certificate("stranger")])
            .with_intermediates([pki.certificate("issuing")]);
    issue(&pki, "pointing", "v3_indirect", DATES);
    // The same serial on a list of another CA.
    set_reason(&pki, "stranger", "one", Some("keyCompromise"));
    let stranger = read(&list(&pki, "stranger", 1, &[]), &anchors);
    assert_eq!(ask(&pki, "one", &[&stranger]), History::default());

    let entries = |name: &str| {
        set_reason(&pki, "issuing", name, Some("keyCompromise"));
        let plain = list(&pki, "issuing", 1, &["-crlexts", "crl_indirect"]);
        read(
            &pki.indirect_list("root", &plain, &pki.certificate("issuing")),
            &anchors,
        )
    };
    // An indirect list of a CA to which the certificate does not point, and of one to which it
    // does.
    assert_eq!(ask(&pki, "one", &[&entries("one")]), History::default());
    let named = ask(&pki, "pointing", &[&entries("pointing")]);
    assert_eq!(standing(&named).len(), 1);
}

#[test]
fn what_is_neither_list_nor_response_is_refused() {
    let pki = pki();
    let anchors = pki.anchors();
    let code = |bytes: &[u8]| {
        StatusInformation::verify(bytes, &anchors)
            .unwrap_err()
            .code()
    };
    assert_eq!(code(pki.certificate("one").der()), "crl-malformed");
    assert_eq!(code(b""), "artifact-unrecognised");
    assert_eq!(code(&[0x30, 3, 0x0a, 1, 3]), "ocsp-not-successful");
}
