#!/usr/bin/env bash
# Inputs on which the product was wrong once, with what it has to say about them: a row for each, expected and
# actual. The inputs are a folder of cases that somebody collected; tests of the same kinds, on inputs that the
# tests make themselves, are part of `cargo test`.
#
#   scripts/cases.sh DIR
#
# Exit codes: 0 all as expected, 1 something was not, 2 usage, 3 something is missing.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
[ $# = 1 ] && [ -d "$1" ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
cases=$(cd "$1" && pwd)
cd "$here"
. scripts/env.sh
profile=${CASES_PROFILE:-release}
flag=--release
[ "$profile" = release ] || flag=
# shellcheck disable=SC2086 # no flag, no word
[ -n "${CASES_BIN:-}" ] || cargo build -q $flag -p ishibumi-cli --bins
bin=${CASES_BIN:-${CARGO_TARGET_DIR:-$here/target}/$profile}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

bad=0 rows=0
# expect CASE CODES PATTERN ARGUMENTS...: runs `ishibumi ARGUMENTS` in a copy of the case's folder. CODES is a
# list of exit codes with commas; PATTERN has to be in the output, `!PATTERN` must not be.
expect() {
  local case=$1 codes=$2 pattern=$3 code=0 said=yes
  shift 3
  if [ ! -d "$cases/$case" ]; then
    printf '%-38s MISSING\n' "$case"
    bad=$((bad + 1))
    return
  fi
  rm -rf "$work/case"
  cp -r "$cases/$case" "$work/case"
  (cd "$work/case" && timeout 120 "$bin/ishibumi" "$@") >"$work/out" 2>&1 || code=$?
  case $pattern in
    '!'*) ! grep -qiE -- "${pattern#!}" "$work/out" || said=no ;;
    *) grep -qiE -- "$pattern" "$work/out" || said=no ;;
  esac
  rows=$((rows + 1))
  local result=ok
  if ! [[ ",$codes," == *",$code,"* ]] || [ $said = no ]; then
    bad=$((bad + 1)) result=WRONG
  fi
  printf '%-5s %-34s %-44.44s expected %-6s /%s/, got %s: %s\n' "$result" "$case" "${*: -1}" "$codes" \
    "$pattern" "$code" "$(head -n 1 "$work/out" | cut -c1-90)"
}
verify=(verify --lang en --policy policy.txt --anchors anchors)
# Of the cases that are not about revocation most have no list: asked about it, they would all be TRY_LATER.
unasked=("${verify[@]}" --without-revocation)

for case in plen-bmp-ja plen-utf8; do
  expect names/$case 4 "path-length-exceeded" "${verify[@]}" x.tst x.tst.tlog-proof
done
expect names/nc-bmp-ja 4 "name-constraints-violated" "${verify[@]}" x.tst x.tst.tlog-proof
expect names/nm2 0 "PROVEN" "${verify[@]}" --revocation rev/i.crl x.tst x.tst.tlog-proof
for case in chain roll; do
  for file in x.crl x.ors; do
    expect ca-path-of-a-list/$case 4 "INDETERMINATE" "${verify[@]}" $file $file.tlog-proof
  done
done
expect two-histories 1 "fork" audit --policy policy.txt A B
expect two-histories 1 "fork" audit --policy policy.txt B A
for file in good-first.ors revoked-first.ors; do
  expect 01-ocsp-good-and-revoked-in-one-response 1 "REVOKED" "${verify[@]}" --revocation $file token.tst
done
expect 02-valid-but-not-read-is-called-disproven 4 "imprint-refused" "${verify[@]}" sha224-imprint.tst token.tst.tlog-proof
expect 02-valid-but-not-read-is-called-disproven 4 "too-large" "${verify[@]}" token-with-70kB-unsigned-attribute.tst token.tst.tlog-proof
expect 02-valid-but-not-read-is-called-disproven 4 "crl-critical-extension" "${verify[@]}" critical-extension.crl token.tst.tlog-proof
expect 02-valid-but-not-read-is-called-disproven 1,4 "!neither a time-stamp token" "${verify[@]}" critical-nonce.ors token.tst.tlog-proof
expect 02-valid-but-not-read-is-called-disproven 4 "reply-not-granted" "${verify[@]}" rejected.tsr token.tst.tlog-proof
expect 03-batch-leaves-out-stamped-pdfs 4 "5 in total|4 PDF" "${unasked[@]}" --batch 2026 --from 2026-01-01 --to 2027-12-31
period=(--from 2026-01-01 --to 2027-12-31)
expect 04-batch-token-without-its-document-counts-as-proven 0 "not compared" "${unasked[@]}" --batch 2026 "${period[@]}"
expect 04-batch-token-without-its-document-counts-as-proven 4 "not compared" "${unasked[@]}" --batch 2026 \
  "${period[@]}" --require-document
expect 04-batch-token-without-its-document-counts-as-proven 4 "validity is not judged" "${verify[@]}" --batch 2026 "${period[@]}"
expect 05-embed-destroys-later-timestamps 2 "later" evidence embed --number 1 --out fresh.pdf --policy policy.txt \
  --anchors anchors two-timestamps.pdf first.tlog-proof
expect 06-ocsp-critical-nonce 1 "REVOKED" "${verify[@]}" --revocation revoked.ors token.tst
for file in expiredCertsOnCRL-as-UTCTime.crl other-entry-has-reason-7.crl; do
  expect 07-crl-refused-whole-for-a-harmless-oddity 1 "REVOKED" "${verify[@]}" --revocation $file token.tst
done
expect 10-extract-does-not-say-that-the-pdf-was-changed-later 0 "changed" evidence extract --out x changed-after-the-timestamp.pdf
expect 12-unsorted-signed-attributes 1,4 "!forgery" "${verify[@]}" token.tst any.tlog-proof
expect paths/crl-serial-twice 0,1,4 "!not revoked as of" verify --lang en --policy policy.txt --allow-no-quorum \
  --anchors anchors --revocation crl0.pem end.pem end.pem.tlog-proof
succession=(audit --policy new.txt --old-policy old.txt)
expect succession-audit 0 "." "${succession[@]}" --predecessor old-whole new
expect succession-audit 1,3,4 "." "${succession[@]}" --predecessor old-rolled-back-6 new
expect succession-audit 1,2,3,4 "." "${succession[@]}" --old-policy third.txt --predecessor third new
expect succession-audit 1,3,4 "." "${succession[@]}" --predecessor old-9 new-commits-14
expect succession-mask 1 "." evidence verify --without-revocation --policy new.txt --old-policy old.txt --anchors anchors merged.evidence.zip
expect evidence-record-order 4 "TIMESTAMP_ORDER_FAILURE" evidence verify --policy policy.txt --anchors anchors \
  --without-revocation --at 2060-01-01 --algorithms ends.txt record-2025-content-2026.evidence.zip
for file in sha1-record sha1-signature; do
  expect sha1 1,4 "." evidence verify --policy policy.txt --anchors anchors --without-revocation \
    --at 2060-01-01 --algorithm-end ed25519=2040-12-31 --accept-sha1 2015-12-31 $file.evidence.zip
done
expect pdf-quadratic 0,1,3,4 "." evidence extract --out o q.pdf
# What no command asks: bare paths, by the library.
rows=$((rows + 1))
# shellcheck disable=SC2086 # no flag, no word
if CASES=$cases/paths cargo test -q $flag --workspace --test suites; then :; else bad=$((bad + 1)); fi
[ $bad = 0 ] || { echo "$bad of $rows not as expected"; exit 1; }
echo "$rows of $rows as expected"
