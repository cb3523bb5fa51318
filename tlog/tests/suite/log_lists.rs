//! Lists of logs (`logs/v0`): the published example, and what spoils a list or one entry of it.

use ishibumi_tlog::key::KeyError;
use ishibumi_tlog::log_list::{EntryError, ListError, parse};

use super::world::{ORIGIN, log_key, log_key_ml_dsa, witness};

const SUMDB: &str = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
const ANDXOR: &str = "tlog.andxor.it+d5e6b3d0+AU6uJ3h8tb+RRMdGjHV4KCrrHoKfIYGbhL2A46thEhKQ";

#[test]
fn a_published_list_is_read() {
    let list = format!(
        "\n\t# List:      10qps-100klogs\n\t# Revision:  123\n\n\tlogs/v0\n\n\
         \t# 1st\n\tvkey {SUMDB}\n\torigin go.sum database tree\n\tqpd 86400\n\tcontact a (at) b\n\n\
         vkey {ANDXOR}\r\n# within\nqpd 1\nfuture keyword\n\nvkey BANANAS\n# trailing"
    );
    let entries = parse(list.as_bytes()).unwrap();
    assert_eq!(entries.len(), 3);
    let sumdb = &entries[0];
    let origin = "go.sum database tree".to_owned();
    assert_eq!(sumdb.key, Err(EntryError::Origin(origin)));
    assert_eq!((sumdb.line, sumdb.vkey.as_str()), (8, SUMDB));
    assert_eq!(sumdb.qpd.as_deref(), Some("86400"));
    assert_eq!(sumdb.contact.as_deref(), Some("a (at) b"));
    assert_eq!(entries[1].key.as_ref().unwrap().name(), "tlog.andxor.it");
    assert_eq!(entries[2].key, Err(EntryError::Key(KeyError::Form)));
}

#[test]
fn keys_of_both_types_that_logs_sign_with() {
    let keys = [
        log_key().verifier().clone(),
        log_key_ml_dsa().verifier().clone(),
    ];
    let list = format!(
        "logs/v0\nvkey {}\norigin {ORIGIN}\nvkey {}\nvkey {}\n",
        keys[0],
        keys[1],
        witness(0).verifier()
    );
    let entries = parse(list.as_bytes()).unwrap();
    assert_eq!(entries[0].key.as_ref(), Ok(&keys[0]));
    assert_eq!(entries[1].key.as_ref(), Ok(&keys[1]));
    assert_eq!(entries[2].key, Err(EntryError::KeyType));
}

#[test]
fn what_is_no_list() {
    assert_eq!(parse(b"logs/v0"), Ok(vec![]));
    let vkey = format!("vkey {ANDXOR}\n");
    for text in [
        String::new(),
        vkey.clone(),
        format!("logs/v1\n{vkey}"),
        format!("Logs/v0\n{vkey}"),
        "<html>".to_owned(),
    ] {
        assert_eq!(parse(text.as_bytes()), Err(ListError::Header), "{text:?}");
    }
    let early = format!("logs/v0\nqpd 1\n{vkey}");
    assert_eq!(parse(early.as_bytes()), Err(ListError::Order(2)));
    let twice = format!("logs/v0\nlogs/v0\n{vkey}");
    assert_eq!(parse(twice.as_bytes()), Err(ListError::Order(2)));
    assert_eq!(parse(b"logs/v0\n\xff"), Err(ListError::NotText(8)));
    let crowd = format!("logs/v0\n{}", "vkey x\n".repeat(100_001));
    assert_eq!(parse(crowd.as_bytes()), Err(ListError::TooMany));
}
