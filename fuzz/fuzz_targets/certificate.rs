//! Certificates: octets are kept as they came, every question about one ends, and what reaches the
//! golden anchor was signed below it.

#![no_main]

use std::sync::{Arc, LazyLock};

use ishibumi_artifact::policy::PolicyRules;
use ishibumi_artifact::qualified::{CertificateKind, OrganizationId, QcStatements};
use ishibumi_artifact::record_of::{certificate_record, disclosure};
use ishibumi_artifact::{Anchors, Certificate, Path, Record};
use libfuzzer_sys::fuzz_target;

static KNOWN: LazyLock<[Certificate; 4]> = LazyLock::new(|| {
    let read = |bytes: &[u8]| Certificate::parse(bytes).unwrap();
    [
        read(include_bytes!("../../testdata/records/root.crt")),
        read(include_bytes!("../../testdata/records/issuing.crt")),
        read(include_bytes!("../../testdata/records/seal.crt")),
        read(include_bytes!("../../testdata/records/person.crt")),
    ]
});

static ANCHORS: LazyLock<Anchors> = LazyLock::new(|| {
    Anchors::from_certificates([KNOWN[0].clone()]).with_intermediates([KNOWN[1].clone()])
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(certificate) = Certificate::from_der(bytes) else { return };
    assert_eq!(certificate.der(), bytes);
    let _ = (certificate.subject(), CertificateKind::of(&certificate));
    let _ = (QcStatements::of(&certificate), disclosure(&certificate));
    for identifier in certificate.organization_identifiers() {
        let _ = OrganizationId::parse(&identifier);
    }
    if let Ok(record) = certificate_record(&certificate, [0; 32]) {
        assert_eq!(Record::decode(&record.encode()), Ok(record.clone()));
        let _ = record.lookup_keys();
    }
    let end = Arc::new(certificate);
    if Path::find(&end, &[], &ANCHORS, None, &PolicyRules::default()).is_ok() {
        // ECDSA signatures can be mirrored, so only what was signed is compared.
        assert!(KNOWN.iter().any(|known| known.tbs() == end.tbs()));
    }
    // As a CA that everybody trusts: its constraints are applied to what it did not issue.
    let trusting = Anchors::from_certificates([end.as_ref().clone()]);
    let seal = Arc::new(KNOWN[2].clone());
    let _ = Path::find(&seal, &[], &trusting, None, &PolicyRules::default());
});
