"""Makes and validates PDFs with pyHanko; scripts/pyhanko.sh calls it.

  pyhanko-pdf.py make DIR STAMP      DIR/sealed.pdf: a signature with a timestamp, and a document timestamp
                                 over both; DIR/plain.pdf: a document timestamp with room to spare
  pyhanko-pdf.py validate CA... PDF  what pyHanko says about every signature and timestamp in PDF

STAMP REQUEST TOKEN is a command that answers a TimeStampReq with a token.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from asn1crypto import cms
from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter
from pyhanko.sign import fields, signers, timestamps
from pyhanko.sign.validation import validate_pdf_signature, validate_pdf_timestamp
from pyhanko_certvalidator import ValidationContext

# Hexadecimal digits that are reserved for what is signed.
RESERVED = 32_768


class LocalTsa(timestamps.TimeStamper):
    """A TSA that is a command on this machine."""

    def __init__(self, stamp, *flags):
        super().__init__()
        self.command = [stamp, *flags]

    async def async_timestamp(self, message_digest, md_algorithm):
        _, request = self.request_cms(message_digest, md_algorithm)
        with tempfile.TemporaryDirectory() as folder:
            query, token = Path(folder, "q.tsq"), Path(folder, "t.tst")
            query.write_bytes(request.dump())
            subprocess.run([*self.command, query, token], check=True)
            return cms.ContentInfo.load(token.read_bytes())


def make(folder, stamp):
    writer = PdfFileWriter()
    contents = writer.add_object(generic.StreamObject(stream_data=b""))
    box = generic.ArrayObject(map(generic.NumberObject, (0, 0, 200, 200)))
    writer.insert_page(PageObject(contents=contents, media_box=box))
    with open(folder / "page.pdf", "wb") as out:
        writer.write(out)
    signer = signers.SimpleSigner.load(
        str(folder / "seal.key"), str(folder / "seal.crt"), ca_chain_files=(str(folder / "seal-ca.crt"),)
    )
    meta = signers.PdfSignatureMetadata(
        field_name="Seal", md_algorithm="sha256", subfilter=fields.SigSeedSubFilter.PADES
    )
    tsa = LocalTsa(stamp)
    with open(folder / "page.pdf", "rb") as page, open(folder / "signed.pdf", "wb") as out:
        signers.sign_pdf(
            IncrementalPdfFileWriter(page), meta, signer=signer, timestamper=tsa, bytes_reserved=RESERVED, output=out
        )
    for before, after, tsa in [("signed", "sealed", tsa), ("page", "plain", LocalTsa(stamp, "--bare"))]:
        with open(folder / f"{before}.pdf", "rb") as pdf, open(folder / f"{after}.pdf", "wb") as out:
            signers.PdfTimeStamper(tsa).timestamp_pdf(
                IncrementalPdfFileWriter(pdf), "sha256", bytes_reserved=RESERVED, output=out
            )


def validate(anchors, path):
    roots = [load_cert_from_pemder(str(anchor)) for anchor in anchors]
    context = ValidationContext(trust_roots=roots, allow_fetching=False)
    good = True
    with open(path, "rb") as file:
        reader = PdfFileReader(file)
        for signature in reader.embedded_regular_signatures:
            status = validate_pdf_signature(signature, context, ts_validation_context=context)
            stamp = status.timestamp_validity
            good &= status.bottom_line and stamp is not None and stamp.valid and stamp.trusted
            print(f"  pyHanko: {path.name}: signature {status.summary()}; its timestamp {stamp.summary()}")
        for signature in reader.embedded_timestamp_signatures:
            status = validate_pdf_timestamp(signature, context)
            good &= status.valid and status.trusted and status.intact
            print(f"  pyHanko: {path.name}: document timestamp {status.summary()}")
        if not reader.embedded_timestamp_signatures:
            good = False
    return 0 if good else 1


def main(arguments):
    match arguments:
        case ["make", folder, stamp]:
            make(Path(folder), stamp)
            return 0
        case ["validate", *anchors, pdf]:
            return validate(anchors, Path(pdf))
    print(__doc__, file=sys.stderr)
    return 2


sys.exit(main(sys.argv[1:]))
