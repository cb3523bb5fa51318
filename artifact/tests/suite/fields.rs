//! A certificate's own fields: what a critical extension that is garbage, a field of a later
//! version or an empty restriction does to a path, and what is merely odd and does nothing (RFC
//! 5280 4.1 and 4.2).

use std::sync::Arc;

use crate::support::craft::{
    BASIC_CONSTRAINTS, Draft, KEY_USAGE, O, SUBJECT_ALT_NAME, UTF8, simple,
};
use crate::support::element;
use ishibumi_artifact::policy::PolicyRules;
use ishibumi_artifact::{Anchors, Certificate, Path};

const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];
const QC_STATEMENTS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 3];

const MALFORMED: &str = "certificate-extension-malformed";
const UNKNOWN: &str = "critical-extension-unknown";

fn root() -> Vec<u8> {
    simple(O, UTF8, "root")
}

fn ca() -> Vec<u8> {
    simple(O, UTF8, "ca")
}

fn anchor() -> Draft {
    Draft::ca(&root(), &root(), 1, None)
}

fn below_root() -> Draft {
    Draft::end(&root(), &simple(O, UTF8, "end"), 3)
}

fn verdict(end: &Certificate, others: &[Certificate], anchor: &Certificate) -> &'static str {
    let anchors = Anchors::from_certificates([anchor.clone()]);
    let others: Vec<_> = others.iter().cloned().map(Arc::new).collect();
    Path::find(
        &Arc::new(end.clone()),
        &others,
        &anchors,
        None,
        &PolicyRules::default(),
    )
    .map_or_else(|error| error.code(), |_| "found")
}

/// An end certificate right below the root.
fn end(draft: &Draft) -> &'static str {
    verdict(&draft.certificate(1), &[], &anchor().certificate(1))
}

/// A CA between the root and an end certificate.
fn intermediate(draft: &Draft) -> &'static str {
    let end = Draft::end(&draft.subject, &simple(O, UTF8, "end"), 3);
    verdict(
        &end.certificate(2),
        &[draft.certificate(1)],
        &anchor().certificate(1),
    )
}

#[test]
fn critical_garbage_is_not_understood() {
    let garbage: [&[u8]; 4] = [
        &[0xde, 0xad],
        &[],
        &[0x04, 2, 1, 2],
        &[0x30, 2, 0x05, 0, 0x00],
    ];
    // Type, verdict if critical, verdict if not.
    let rows: [(&[u8], &str, &str); 16] = [
        (&[0x55, 0x1d, 19], MALFORMED, MALFORMED), // basicConstraints
        (&[0x55, 0x1d, 15], MALFORMED, MALFORMED), // keyUsage
        (&[0x55, 0x1d, 37], MALFORMED, MALFORMED), // extendedKeyUsage
        (&[0x55, 0x1d, 16], MALFORMED, MALFORMED), // privateKeyUsagePeriod
        (&[0x55, 0x1d, 30], MALFORMED, MALFORMED), // nameConstraints
        (&[0x55, 0x1d, 17], MALFORMED, "found"),   // subjectAltName
        (&[0x55, 0x1d, 31], MALFORMED, "found"),   // cRLDistributionPoints
        (&[0x55, 0x1d, 32], MALFORMED, "found"),   // certificatePolicies
        (QC_STATEMENTS, MALFORMED, "found"),
        (&[0x55, 0x1d, 18], UNKNOWN, "found"), // issuerAltName
        (&[0x55, 0x1d, 9], UNKNOWN, "found"),  // subjectDirectoryAttributes
        (&[0x55, 0x1d, 35], UNKNOWN, "found"), // authorityKeyIdentifier
        (&[0x55, 0x1d, 46], UNKNOWN, "found"), // freshestCRL
        (&[0x2b, 6, 1, 5, 5, 7, 1, 1], UNKNOWN, "found"), // authorityInfoAccess
        (&[0x2b, 6, 1, 5, 5, 7, 1, 11], UNKNOWN, "found"), // subjectInfoAccess
        (&[0x2a, 3], UNKNOWN, "found"),
    ];
    for (id, critical, not) in rows {
        for value in garbage {
            assert_eq!(
                end(&below_root().with(id, true, value)),
                critical,
                "{id:?} {value:?}"
            );
            assert_eq!(
                end(&below_root().with(id, false, value)),
                not,
                "{id:?} {value:?}"
            );
            let is_own = [BASIC_CONSTRAINTS, KEY_USAGE].contains(&id);
            let with = |critical| Draft::ca(&root(), &ca(), 2, None).with(id, critical, value);
            if !is_own {
                assert_eq!(intermediate(&with(true)), critical, "{id:?} {value:?}");
                assert_eq!(intermediate(&with(false)), not, "{id:?} {value:?}");
            }
        }
    }
    // Extensions about policies restrict at some positions of a path and not at others.
    for (id, in_end) in [(33, "found"), (36, MALFORMED), (54, "found")] {
        let id = &[0x55, 0x1d, id];
        for value in garbage {
            let ca = |critical| Draft::ca(&root(), &ca(), 2, None).with(id, critical, value);
            assert_eq!(intermediate(&ca(true)), MALFORMED, "{id:?} {value:?}");
            assert_eq!(intermediate(&ca(false)), MALFORMED, "{id:?} {value:?}");
            assert_eq!(
                end(&below_root().with(id, true, value)),
                MALFORMED,
                "{id:?} {value:?}"
            );
            assert_eq!(
                end(&below_root().with(id, false, value)),
                in_end,
                "{id:?} {value:?}"
            );
        }
    }
    // subjectKeyIdentifier: any octets of an OCTET STRING are one.
    let identifier = &[0x55, 0x1d, 14];
    assert_eq!(
        end(&below_root().with(identifier, true, &[0x04, 2, 1, 2])),
        "found"
    );
    assert_eq!(
        end(&below_root().with(identifier, true, &[0xde, 0xad])),
        MALFORMED
    );
    assert_eq!(
        end(&below_root().with(identifier, false, &[0xde, 0xad])),
        "found"
    );
}

#[test]
fn garbage_inside_of_critical_names_is_found() {
    for (name, is_read) in [
        (element(0x82, b"a.example"), true),
        (element(0x82, &[0xe9]), false),
        (element(0x87, &[192, 0, 2, 1]), true),
        (element(0x87, &[192, 0, 2]), false),
        (element(0xa4, &simple(O, UTF8, "x")), true),
        (element(0xa4, &[0x30, 2, 0x31, 0]), false),
        (element(0x89, b"a"), false),
        (element(0x88, &[0x80]), false),
        (element(0xa0, &[0x06, 1, 0x2a]), false),
    ] {
        let value = element(0x30, &name);
        let wanted = if is_read { "found" } else { MALFORMED };
        assert_eq!(
            end(&below_root().with(SUBJECT_ALT_NAME, true, &value)),
            wanted,
            "{name:02x?}"
        );
        assert_eq!(
            end(&below_root().with(SUBJECT_ALT_NAME, false, &value)),
            "found"
        );
    }
}

#[test]
fn empty_restrictions_are_no_licence() {
    let empty: &[u8] = &[0x30, 0];
    for critical in [true, false] {
        let ca = || Draft::ca(&root(), &ca(), 2, None);
        assert_eq!(
            intermediate(&ca().with(EXTENDED_KEY_USAGE, critical, empty)),
            MALFORMED
        );
        assert_eq!(
            end(&below_root().with(EXTENDED_KEY_USAGE, critical, empty)),
            MALFORMED
        );
        assert_eq!(
            intermediate(&ca().with(&[0x55, 0x1d, 30], critical, empty)),
            MALFORMED
        );
    }
    // keyUsage without a bit allows nothing; without the extension everything.
    let constraints: &[u8] = &[0x30, 3, 0x01, 1, 0xff];
    let ca = || Draft::end(&root(), &ca(), 2).with(BASIC_CONSTRAINTS, true, constraints);
    assert_eq!(intermediate(&ca()), "found");
    for none in [&[0x03, 1, 0][..], &[0x03, 2, 7, 0], &[0x03, 3, 0, 0, 0]] {
        assert_eq!(
            intermediate(&ca().with(KEY_USAGE, true, none)),
            "issuer-key-usage"
        );
        assert_eq!(
            intermediate(&ca().with(KEY_USAGE, false, none)),
            "issuer-key-usage"
        );
    }
    assert_eq!(
        intermediate(&ca().with(KEY_USAGE, true, &[0x03, 2, 0, 0x04])),
        "found"
    );
}

#[test]
fn critical_statements_have_to_be_known() {
    let statement = |id: &[u8]| element(0x30, &element(0x30, &element(0x06, id)));
    let compliance = statement(&[0x04, 0, 0x8e, 0x46, 1, 1]);
    assert_eq!(
        end(&below_root().with(QC_STATEMENTS, true, &compliance)),
        "found"
    );
    assert_eq!(
        end(&below_root().with(QC_STATEMENTS, true, &statement(&[0x2a, 3]))),
        MALFORMED
    );
    assert_eq!(
        end(&below_root().with(QC_STATEMENTS, false, &statement(&[0x2a, 3]))),
        "found"
    );
}

#[test]
fn versions_have_no_fields_of_later_ones() {
    let identifiers = [element(0x81, &[0, 1]), element(0x82, &[0, 1])];
    let san = element(0x30, &element(0x82, b"a.example"));
    for (version, stated) in [(None, 1), (Some(0), 1), (Some(1), 2), (Some(2), 3)] {
        let verdict = |is_right: bool| {
            if is_right {
                "found"
            } else {
                "certificate-version"
            }
        };
        let draft = Draft {
            version,
            ..below_root()
        };
        assert_eq!(end(&draft), "found");
        assert_eq!(
            end(&draft.clone().with(SUBJECT_ALT_NAME, false, &san)),
            verdict(stated == 3)
        );
        for between in &identifiers {
            let between = between.clone();
            assert_eq!(
                end(&Draft {
                    between,
                    ..draft.clone()
                }),
                verdict(stated >= 2)
            );
        }
        // A CA of version 1 or 2 cannot say that it is one (6.1.4 (k)).
        let silent = Draft {
            version,
            ..Draft::end(&root(), &ca(), 2)
        };
        assert_eq!(intermediate(&silent), "issuer-not-ca");
        let telling = Draft {
            version,
            ..Draft::ca(&root(), &ca(), 2, None)
        };
        assert_eq!(intermediate(&telling), verdict(stated == 3));
        // An anchor is a name and a key, however it is written.
        let old = Draft {
            version,
            ..anchor()
        };
        assert_eq!(super_verdict(&old), "found");
    }
    let later = Draft {
        version: Some(3),
        ..below_root()
    };
    assert!(Certificate::from_der(&later.der(1)).is_err());
}

/// An end certificate right below this anchor.
fn super_verdict(anchor: &Draft) -> &'static str {
    verdict(&below_root().certificate(1), &[], &anchor.certificate(1))
}

#[test]
fn what_stands_twice_is_refused() {
    let san = element(0x30, &element(0x82, b"a.example"));
    for critical in [true, false] {
        let once = below_root().with(SUBJECT_ALT_NAME, false, &san);
        assert!(Certificate::from_der(&once.der(1)).is_ok());
        let twice = once.with(SUBJECT_ALT_NAME, critical, &san);
        let error = Certificate::from_der(&twice.der(1)).unwrap_err();
        assert!(
            error.to_string().contains("2.5.29.17 stands twice"),
            "{error}"
        );
        let unknown = below_root()
            .with(&[0x2a, 3], false, &[])
            .with(&[0x2a, 3], critical, &[]);
        assert!(Certificate::from_der(&unknown.der(1)).is_err());
    }
}

#[test]
fn oddities_that_everybody_takes_are_taken() {
    // Serial numbers of another age: zero, negative, long.
    for serial in [
        vec![0],
        vec![0xff],
        vec![0x80, 1],
        [&[1][..], &[7; 24]].concat(),
    ] {
        assert_eq!(
            end(&Draft {
                serial,
                ..below_root()
            }),
            "found"
        );
    }
    // A default that is written out, an empty list of extensions.
    let flag = [
        &element(0x06, SUBJECT_ALT_NAME)[..],
        &[0x01, 1, 0],
        &element(0x04, &[0xff]),
    ]
    .concat();
    let mut draft = below_root();
    draft.extensions.push(element(0x30, &flag));
    assert_eq!(end(&draft), "found");
    let odd = Draft {
        between: element(0xa3, &[0x30, 0]),
        ..below_root()
    };
    assert_eq!(end(&odd), "found");
    let false_ca = below_root().with(BASIC_CONSTRAINTS, true, &[0x30, 3, 0x01, 1, 0]);
    assert_eq!(end(&false_ca), "found");
    // Path lengths that no path reaches.
    let long: &[u8] = &[0x30, 9, 0x01, 1, 0xff, 0x02, 4, 0x7f, 0xff, 0xff, 0xff];
    let ca = Draft::end(&root(), &ca(), 2).with(BASIC_CONSTRAINTS, true, long);
    assert_eq!(intermediate(&ca), "found");
    let negative: &[u8] = &[0x30, 6, 0x01, 1, 0xff, 0x02, 1, 0xff];
    let ca = Draft::end(&root(), &ca.subject, 2).with(BASIC_CONSTRAINTS, true, negative);
    assert_eq!(intermediate(&ca), MALFORMED);
}
