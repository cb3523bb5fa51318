//! The statements of issuers, taken out of verified artifacts.

use ishibumi_artifact::record::Moment;
use ishibumi_artifact::{
    Admitted, Certificate, StatusInformation, Verified, VerifiedCrl, VerifiedOcsp,
};

use super::parts::{
    AnswerFacts, CertificateFacts, Facts, InformationFacts, ListFacts, ResponseFacts,
};

pub(super) fn of(admitted: &Admitted) -> Option<Facts> {
    Some(match admitted.verified() {
        Verified::Token(token) => Facts::Token {
            gen_time: token.gen_time().time(),
            accuracy: token.accuracy(),
            serial: token.serial().to_vec(),
            policy: token.policy(),
            imprint_algorithm: token.imprint_algorithm().name(),
            imprint: token.imprint().to_vec(),
            tsu: Box::new(of_certificate(token.signer())),
        },
        Verified::Certificate(path) => {
            Facts::Certificate(Box::new(of_certificate(path.certificates().first()?)))
        }
        Verified::Crl(list) => Facts::Crl(of_list(list)),
        Verified::Ocsp(response) => Facts::Ocsp(of_response(response)),
    })
}

pub(super) fn of_certificate(certificate: &Certificate) -> CertificateFacts {
    CertificateFacts {
        subject: certificate.subject(),
        issuer: certificate.issuer(),
        serial: certificate.serial().to_vec(),
        not_before: certificate.not_before(),
        not_after: certificate.not_after(),
        digest: certificate.digest(),
    }
}

pub(super) fn of_information(information: &StatusInformation) -> InformationFacts {
    match information {
        StatusInformation::Ocsp(response) => InformationFacts::Ocsp(of_response(response)),
        StatusInformation::Crl(list) => InformationFacts::Crl(of_list(list)),
    }
}

fn of_list(list: &VerifiedCrl) -> ListFacts {
    ListFacts {
        issuer: list
            .path()
            .certificates()
            .first()
            .map(|ca| ca.subject())
            .unwrap_or_default(),
        number: list.number().to_vec(),
        this_update: list.this_update(),
        next_update: list.next_update(),
        is_delta: list.is_delta(),
        is_last: list.is_last(),
        expired_certs_on: list.expired_certs_on(),
        entries: list.count(),
        digest: list.digest(),
    }
}

fn of_response(response: &VerifiedOcsp) -> ResponseFacts {
    let issuer = response.path().certificates().first();
    let answers = response.answers().map(|answer| AnswerFacts {
        serial: answer.serial.as_bytes().to_vec(),
        status: answer.status.name(),
        this_update: answer.this_update.time(),
        next_update: answer.next_update.map(Moment::time),
        archive_cutoff: answer.archive_cutoff.map(Moment::time),
        names_the_certificate: !answer.cert_hash.1.as_bytes().is_empty(),
    });
    ResponseFacts {
        issuer: issuer.map(|ca| ca.subject()).unwrap_or_default(),
        responder: response.responder().subject(),
        is_by_trusted_responder: response.is_by_trusted_responder(),
        produced_at: response.produced_at(),
        answers: answers.collect(),
        digest: response.digest(),
    }
}
