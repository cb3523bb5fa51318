"""Asks pyhanko-certvalidator about the path of every certificate and token of the corpus.

usage: corpus-certvalidator.py artifact/corpus

It is given the same anchors, the same certificates that are known, and the time at which we judge:
notBefore, genTime. It judges paths, not tokens: a token that we refuse for something else than its path is
not compared. docs/corpus.md explains each kind of difference by its number there; a difference that is not
explained is an error (exit code 1).
"""

import asyncio
import collections
import importlib.metadata
import logging
import pathlib
import sys
from datetime import timedelta

from asn1crypto import cms, pem, tsp, x509
from pyhanko_certvalidator import CertificateValidator, ValidationContext

# What we refuse because of the path; what is refused for something else is not compared.
OF_THE_PATH = {
    "issuer-unregistered", "certificate-not-valid-then", "certificate-signature-invalid", "issuer-not-ca",
    "issuer-key-usage", "issuer-purpose", "path-length-exceeded", "critical-extension-unknown",
    "name-constraints-violated", "signature-algorithm-refused", "public-key-refused", "issuer-key-unknown",
    "gen-time-outside-certificate", "eku-not-timestamping", "tsu-key-usage",
}


def certificates(path):
    data = path.read_bytes()
    blocks = [der for _, _, der in pem.unarmor(data, multiple=True)] if pem.detect(data) else [data]
    for der in blocks:
        try:
            certificate = x509.Certificate.load(der, strict=True)
            certificate.subject.hashable, certificate.issuer.hashable, certificate.not_valid_before
            certificate.key_identifier, certificate.authority_key_identifier, certificate.public_key.algorithm
            yield certificate
        except (ValueError, KeyError, TypeError):
            continue


def signer_of(token, known):
    """The signer's certificate and genTime; certvalidator has no reader of tokens, asn1crypto has."""
    signed = cms.ContentInfo.load(token)["content"]
    info = signed["encap_content_info"]["content"]
    moment = (info.parsed if hasattr(info, "parsed") else tsp.TSTInfo.load(info.native))["gen_time"].native
    sid = signed["signer_infos"][0]["sid"]
    carried = []
    if signed["certificates"]:
        carried = [choice.chosen for choice in signed["certificates"] if choice.name == "certificate"]
    for certificate in carried + known:
        if sid.name == "issuer_and_serial_number":
            wanted = sid.chosen
            if certificate.serial_number == wanted["serial_number"].native and certificate.issuer == wanted["issuer"]:
                return certificate, carried, moment
        elif certificate.key_identifier == sid.chosen.native:
            return certificate, carried, moment
    return None, carried, moment


async def judge(certificate, others, anchors, moment, purposes):
    context = ValidationContext(
        trust_roots=anchors, other_certs=others, moment=moment, allow_fetching=False, revocation_mode="soft-fail",
        time_tolerance=timedelta(0),
    )
    validator = CertificateValidator(certificate, validation_context=context)
    if purposes:
        await validator.async_validate_usage(key_usage=set(), extended_key_usage=purposes)
    else:
        await validator.async_validate_path()


def name_and_key(certificate):
    return certificate.subject.hashable, certificate.public_key.dump()


def paragraph_for(certificate, verdict, answer, trusted):
    """The paragraph of docs/corpus.md that explains a difference, if one does."""
    if answer == "accepts" and verdict in ("certificate-signature-invalid", "issuer-key-unknown"):
        return 3 if name_and_key(certificate) in trusted else None
    return None


async def main():
    logging.disable(logging.CRITICAL)
    corpus = pathlib.Path(sys.argv[1])
    files = corpus / "files"
    anchors = [one for path in sorted((files / "anchors").iterdir()) for one in certificates(path)]
    known = [one for path in sorted((files / "certificates").iterdir()) for one in certificates(path)]
    trusted = {name_and_key(anchor) for anchor in anchors}
    counts, unexplained = collections.Counter(), 0
    for line in (corpus / "expected.tsv").read_text().splitlines()[1:]:
        kind, digest, issuer, _, verdict, _, source, _ = (line.split("\t") + [""] * 8)[:8]
        if kind not in ("tokens", "certificates"):
            continue
        if verdict != "admitted" and verdict not in OF_THE_PATH:
            counts[kind, "not compared"] += 1
            continue
        try:
            if kind == "tokens":
                octets = (files / kind / f"{digest}.tst").read_bytes()
                certificate, carried, moment = signer_of(octets, known + anchors)
                purposes = {"time_stamping"}
            else:
                certificate = x509.Certificate.load((files / kind / f"{digest}.crt").read_bytes())
                carried, moment, purposes = [], certificate.not_valid_before, set()
        except (ValueError, KeyError, TypeError) as error:
            counts[kind, "not read"] += 1
            print(f"{'not read':<14} {kind:<12} {digest[:12]} {issuer[:30]:<30} ours: {verdict}; asn1crypto: {str(error)[:90]!r}")
            continue
        answer, words = "accepts", ""
        try:
            if certificate is None:
                raise LookupError("the signer's certificate is not known")
            await judge(certificate, known + carried, anchors, moment, purposes)
        except Exception as error:  # whatever it raises, it does not accept
            answer, words = "refuses", f"{type(error).__name__}: {error}"
        if (answer == "accepts") == (verdict == "admitted"):
            counts[kind, "same"] += 1
            continue
        counts[kind, "different"] += 1
        paragraph = paragraph_for(certificate, verdict, answer, trusted)
        unexplained += paragraph is None
        print(f"{'explained by ' + str(paragraph) if paragraph else 'UNEXPLAINED':<14} {kind:<12} {digest[:12]} {issuer[:30]:<30} "
              f"ours: {verdict}; certvalidator: {answer} {' '.join(words.split())[:160]} ({source.rsplit('/', 1)[-1]})")
    for kind in ("tokens", "certificates"):
        print(f"certvalidator on {kind}: " + ", ".join(
            f"{counts[kind, what]} {what}" for what in ("same", "different", "not compared", "not read")))
    version = importlib.metadata.version("pyhanko-certvalidator")
    print(f"compared with pyhanko-certvalidator {version}: {sum(v for k, v in counts.items() if k[1] == 'same')} verdicts alike, "
          f"{sum(v for k, v in counts.items() if k[1] == 'different')} different, {unexplained} of these unexplained")
    sys.exit(1 if unexplained else 0)


asyncio.run(main())
