#!/usr/bin/env bash
# PDFs by pyHanko, with evidence inside of their timestamps: pyHanko still validates them, and the evidence
# comes out again and proves the tokens offline.
#
# A local OpenSSL TSA stamps, a local log and witness prove, `ishibumi evidence embed` puts the proof into the
# token before pyHanko puts the token into the PDF; once it is put into a PDF that is there already.
#
#   scripts/pyhanko.sh [--out DIR] [--bless]
#
#   --out DIR   where the PDFs are left (default: pyhanko-demo)
#   --bless     replace the PDF that the tests read (testdata/embedded/)
#
# Wants python3 with venv; pyHanko is installed into target/pyhanko-venv, or found in $PYHANKO_VENV.
#
# Exit codes: 0 all as expected, 1 something was not, 2 usage, 3 something is missing.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
out=pyhanko-demo bless=no
usage() { echo "pyhanko.sh: $*; see --help" >&2; exit 2; }
while [ $# -gt 0 ]; do
  case $1 in
    --out) [ -n "${2:-}" ] || usage "--out wants a folder"; out=$2; shift 2 ;;
    --bless) bless=yes; shift ;;
    -h | --help) sed -n '2,17s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) usage "unknown option $1" ;;
  esac
done
. "$here/scripts/out-folder.sh"
claim_folder "$out"
out=$(cd "$out" && pwd)
cd "$here"
./scripts/install.sh
. scripts/env.sh
cargo build --release --workspace --bins
bin=${CARGO_TARGET_DIR:-$here/target}/release
venv=${PYHANKO_VENV:-$here/target/pyhanko-venv}
if [ ! -x "$venv/bin/python" ]; then
  python3 -m venv "$venv" || { echo "pyhanko.sh: python3 with venv is missing" >&2; exit 3; }
fi
"$venv/bin/python" -c 'import pyhanko' 2>/dev/null || "$venv/bin/pip" install -q 'pyHanko>=0.30' ||
  { echo "pyhanko.sh: pyHanko cannot be installed" >&2; exit 3; }
echo "$("$venv/bin/pip" list 2>/dev/null | grep -i '^pyhanko ' | tr -s ' '), $(openssl version | cut -d' ' -f1-2)"

set_aside "$out"
private=$out/private mirrors=""
mkdir -p "$private" "$out/anchors"
. scripts/listening.sh
. scripts/openssl.sh
. scripts/drill/providers.sh
. scripts/drill/services.sh
trap stop_all EXIT

# --- 1. A TSA, a seal, a log and its witness ---------------------------------------------------------
p256=(ec -pkeyopt ec_paramgen_curve:P-256)
provider tsa "Sumi Time" "${p256[@]}"
openssl req -x509 -newkey "${p256[@]}" -nodes -keyout "$private/seal-ca.key" -out "$private/seal-ca.crt" \
  -days 7300 -subj "/C=JP/O=Hanko Trust/CN=Hanko Trust CA" -addext keyUsage=critical,keyCertSign,cRLSign
openssl req -x509 -newkey "${p256[@]}" -nodes -keyout "$private/seal.key" -out "$private/seal.crt" \
  -days 7300 -subj "/C=JP/O=Example Works KK/CN=Example Works Seal" -CA "$private/seal-ca.crt" \
  -CAkey "$private/seal-ca.key" -addext keyUsage=critical,digitalSignature,nonRepudiation \
  -addext basicConstraints=critical,CA:FALSE
configure log log.example/pyhanko tsa
"$bin/ishibumi-log" --config "$private/log/log.toml" init >"$private/init.txt"
sed -n 's/^log //p' "$private/init.txt" >"$private/log.vkeys"
cosigner "" witness "$private/log.vkeys"
start witness "$bin/ishibumi-witness" serve --dir "$private/witness" --listen 127.0.0.1:0
{
  sed 's/^/log /' "$private/log.vkeys"
  printf 'witness w %s %s\nquorum w\n' "$(head -n 1 "$private/witness.vkeys")" "${address_of[witness]}"
} >"$out/policy.txt"
cp "$out/policy.txt" "$private/log/policy.txt"
start log "$bin/ishibumi-log" --config "$private/log/log.toml" serve

# --- 2. A TSA whose tokens carry their proof ---------------------------------------------------------
# prove TOKEN: writes TOKEN.tlog-proof.
cat >"$private/prove" <<SH
#!/bin/sh
exec "$bin/ishibumi" submit --log "${address_of[log]}" --token-file "$private/log/tsa.bearer" \
  --policy "$out/policy.txt" --anchors "$out/anchors" "\$1" >>"$private/submit.out"
SH
# stamp [--bare] REQUEST TOKEN
cat >"$private/stamp" <<SH
#!/bin/sh
set -e
bare=no
if [ "\$1" = --bare ]; then bare=yes; shift; fi
openssl ts -reply -config "$private/tsa/openssl.cnf" -queryfile "\$1" -token_out -out "\$2" 2>>"$private/tsa.out"
[ \$bare = no ] || exit 0
"$private/prove" "\$2"
"$bin/ishibumi" evidence embed --policy "$out/policy.txt" --anchors "$out/anchors" --out "\$2.proven" "\$2" >>"$private/submit.out"
mv "\$2.proven" "\$2"
SH
chmod +x "$private/prove" "$private/stamp"

# --- 3. PDFs with them -------------------------------------------------------------------------------
"$venv/bin/python" scripts/pyhanko-pdf.py make "$private" "$private/stamp"
cp "$private/sealed.pdf" "$out/sealed.pdf"
# One that was stamped before there was a proof: extracted, submitted, and embedded in its place.
"$bin/ishibumi" evidence extract --out "$private/plain" "$private/plain.pdf"
"$private/prove" "$private/plain/plain-1.tst"
"$bin/ishibumi" evidence embed --policy "$out/policy.txt" --anchors "$out/anchors" --out "$out/plain.pdf" \
  "$private/plain.pdf" "$private/plain/plain-1.tst.tlog-proof"
# The TSA's list of a later time than all that it stamped: without it the validity of a token is not judged.
mkdir "$out/lists"
publish tsa
# Everything that could still be asked is gone.
stop_all

# --- 4. Others accept them, and the evidence comes out -----------------------------------------------
bad=0
expect() { # CODE WHAT COMMAND...
  local code=0 expected=$1 what=$2
  shift 2
  "$@" >"$private/last.out" 2>&1 || code=$?
  if [ "$code" = "$expected" ]; then echo "as expected ($code): $what"; else
    bad=$((bad + 1)) && echo "NOT AS EXPECTED (exit $code): $what" && cat "$private/last.out"
  fi
}
validate=("$venv/bin/python" scripts/pyhanko-pdf.py validate "$out/anchors/tsa.crt" "$private/seal-ca.crt")
verify=("$bin/ishibumi" verify --lang en --policy "$out/policy.txt" --anchors "$out/anchors" --revocation "$out/lists")
for pdf in sealed plain; do
  expect 0 "pyHanko validates $pdf.pdf" "${validate[@]}" "$out/$pdf.pdf"
  cat "$private/last.out"
  "$bin/ishibumi" evidence extract --out "$out/$pdf" "$out/$pdf.pdf"
  for token in "$out/$pdf"/*.tst; do
    document=$(ls "${token%.tst}".sign*)
    rm "$token.tlog-proof"
    expect 0 "$(basename "$token") is proven from itself, with $(basename "$document")" \
      "${verify[@]}" --document "$document" "$token"
    expect 1 "and not with another document" "${verify[@]}" --document "$out/policy.txt" "$token"
    if [ "${document##*.}" = signed ]; then
      expect 0 "openssl ts -verify takes it" openssl ts -verify -token_in -in "$token" -data "$document" \
        -CAfile "$out/anchors/tsa.crt"
    fi
  done
done
# The negative control of the validator: one octet that is signed.
sed 's/Example Works/Example Wurks/; s/MediaBox/MediaBux/' "$out/plain.pdf" >"$out/changed.pdf"
expect 1 "pyHanko refuses a changed PDF" "${validate[@]}" "$out/changed.pdf"

if [ "$bless" = yes ]; then
  mkdir -p testdata/embedded/pyhanko/anchors
  cp "$out/sealed.pdf" testdata/embedded/pyhanko.pdf
  cp "$out/policy.txt" testdata/embedded/pyhanko/policy.txt
  cp "$out/anchors/tsa.crt" testdata/embedded/pyhanko/anchors/
fi
[ $bad -eq 0 ] || { echo "pyhanko: FAILED: $bad outcomes were not as expected"; exit 1; }
echo "pyhanko: every timestamp is valid for pyHanko and proven offline from the PDF and its TSA's list"
