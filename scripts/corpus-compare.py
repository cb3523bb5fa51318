"""Asks OpenSSL about every artifact of the corpus and lists where it decides otherwise than we do.

usage: corpus-compare.py artifact/corpus

OpenSSL is given the same anchors and the same certificates that are known, and the time at which we
judge: genTime, notBefore, producedAt. docs/corpus.md explains each kind of difference by its number
there; a difference that is not explained is an error (exit code 1).
"""

import collections
import pathlib
import subprocess
import sys
import tempfile
from datetime import datetime, timezone

# (kind, our verdict, what OpenSSL says) -> paragraph of docs/corpus.md
EXPLAINED = {
    ("tokens", "admitted", "cms accepts"): 1,
    ("certificates", "certificate-signature-invalid", "accepts"): 2,
    ("certificates", "issuer-key-unknown", "accepts"): 2,
    ("ocsp", "hash-algorithm-refused", "accepts"): 2,
    ("crls", "crl-issuer-unregistered", "accepts"): 4,
}


def openssl(*arguments):
    run = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=False)
    return run.returncode == 0, (run.stdout + run.stderr).decode(errors="replace")


def element(data, at):
    """tag, start of contents, end; indefinite lengths end at the input's end."""
    length, body = data[at + 1], at + 2
    if length == 0x80:
        return data[at], body, len(data)
    if length & 0x80:
        digits = length & 0x7F
        length, body = int.from_bytes(data[body : body + digits], "big"), body + digits
    return data[at], body, body + length


def tst_info(token):
    """The digest and the genTime that a token states, read with no regard to its signature."""
    at = token.find(bytes.fromhex("060b2a864886f70d0109100104")) + 13
    _, at, _ = element(token, at)
    while token[at] & 0x1F == 0x04:
        tag, body, end = element(token, at)
        at = body
        if tag == 0x04:
            break
    _, at, _ = element(token, at)
    fields = []
    for _ in range(5):
        _, body, end = element(token, at)
        fields.append(token[body:end])
        at = end
    _, digest, end = element(fields[2], element(fields[2], 0)[2])
    moment = datetime.strptime(fields[4][:14].decode(), "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc)
    return fields[2][digest:end].hex(), int(moment.timestamp())


def not_before(path):
    _, text = openssl("x509", "-inform", "DER", "-in", path, "-noout", "-startdate")
    text = text.partition("=")[2].strip()
    return int(datetime.strptime(text, "%b %d %H:%M:%S %Y GMT").replace(tzinfo=timezone.utc).timestamp())


def ask(kind, path, anchors, known):
    """accepts or refuses, and OpenSSL's words; None where it cannot be asked. `cms accepts`: `openssl ts` refuses a
    token that `openssl cms` accepts, which checks its signature and its path."""
    try:
        if kind == "tokens":
            digest, moment = tst_info(path.read_bytes())
            accepts, words = openssl("ts", "-verify", "-token_in", "-in", path, "-digest", digest, "-CAfile", anchors,
                                     "-untrusted", known, "-attime", moment, "-partial_chain")
            if accepts:
                return "accepts", words
            by_cms, _ = openssl("cms", "-verify", "-inform", "DER", "-in", path, "-CAfile", anchors, "-certfile", known,
                                "-attime", moment, "-partial_chain", "-purpose", "timestampsign", "-out", "/dev/null")
            return "cms accepts" if by_cms else "refuses", words
        if kind == "certificates":
            accepts, words = openssl("verify", "-CAfile", anchors, "-untrusted", known, "-partial_chain",
                                     "-attime", not_before(path), path)
            return "accepts" if accepts else "refuses", words
        if kind == "crls":
            _, text = openssl("crl", "-inform", "DER", "-in", path, "-noout", "-CAfile", known)
            return "accepts" if "verify OK" in text else "refuses", text
        produced = [line for line in openssl("ocsp", "-respin", path, "-noverify", "-resp_text")[1].splitlines()
                    if "Produced At" in line]
        moment = datetime.strptime(produced[0].partition(":")[2].strip(), "%b %d %H:%M:%S %Y GMT")
        moment = int(moment.replace(tzinfo=timezone.utc).timestamp())
        _, text = openssl("ocsp", "-respin", path, "-CAfile", anchors, "-verify_other", known, "-attime", moment,
                          "-partial_chain")
        return "accepts" if "Response verify OK" in text else "refuses", text
    except (ValueError, IndexError) as error:
        return None, str(error)


def main():
    corpus = pathlib.Path(sys.argv[1])
    files = corpus / "files"
    suffix = {"tokens": "tst", "certificates": "crt", "crls": "crl", "ocsp": "ors"}
    counts, unexplained = collections.Counter(), 0
    with tempfile.TemporaryDirectory() as scratch:
        anchors, known = pathlib.Path(scratch, "anchors.pem"), pathlib.Path(scratch, "known.pem")
        trusted = "".join(path.read_text() for path in sorted((files / "anchors").iterdir()))
        anchors.write_text(trusted)
        pem = [openssl("x509", "-inform", "DER", "-in", path)[1] for path in sorted((files / "certificates").iterdir())]
        known.write_text(trusted + "".join(text for text in pem if text.startswith("-----BEGIN")))
        for line in (corpus / "expected.tsv").read_text().splitlines()[1:]:
            kind, digest, issuer, _, verdict, _, source, _ = (line.split("\t") + [""] * 8)[:8]
            path = files / kind / f"{digest}.{suffix[kind]}"
            answer, words = ask(kind, path, anchors, known)
            if answer is None:
                counts[kind, "not judged"] += 1
                continue
            if (answer == "accepts") == (verdict == "admitted") and answer != "cms accepts":
                counts[kind, "same"] += 1
                continue
            paragraph = EXPLAINED.get((kind, verdict, answer))
            if paragraph is None and answer == "cms accepts" and verdict != "admitted":
                # cms knows neither ESS nor TSTInfo: that it accepts what `ts` refuses too is no difference.
                counts[kind, "same"] += 1
                continue
            counts[kind, "different"] += 1
            unexplained += paragraph is None
            reason = [part for part in words.splitlines() if "rror" in part or "OK" in part]
            print(f"{'explained by ' + str(paragraph) if paragraph else 'UNEXPLAINED':<14} {kind:<12} {digest[:12]} {issuer[:30]:<30} "
                  f"ours: {verdict}; OpenSSL: {answer} {(reason or [''])[-1][-90:]} ({source.rsplit('/', 1)[-1]})")
    for kind in suffix:
        print(f"openssl on {kind}: " + ", ".join(f"{counts[kind, what]} {what}" for what in ("same", "different", "not judged")))
    print(f"compared with {openssl('version')[1].split(' (')[0]}: {sum(v for k, v in counts.items() if k[1] == 'same')} verdicts alike, "
          f"{sum(v for k, v in counts.items() if k[1] == 'different')} different, {unexplained} of these unexplained")
    sys.exit(1 if unexplained else 0)


main()
