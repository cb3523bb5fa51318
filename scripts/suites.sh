#!/usr/bin/env bash
# Other people's test suites, against this library: paths (x509-limbo, BetterTLS, BoringSSL's pki, NIST PKITS)
# and signatures (Wycheproof, CCTV's Ed25519 vectors, BoringSSL's pki). docs/suites.md has the figures.
#
#   scripts/suites.sh [DIR, default artifact/suites]
#   SUITES_DIR=FOLDER scripts/suites.sh      with suites that no package registry has:
#     FOLDER/x509-limbo   a checkout of C2SP/x509-limbo: its limbo.json, or its program, which makes one
#     FOLDER/boringssl    a checkout of BoringSSL, or its folder pki/ in one
#
# BetterTLS, Wycheproof and the Ed25519 vectors come as Go modules. Nothing is committed and DIR is kept, so that
# a second run needs no network. A suite that is not there is skipped, loudly. For each suite are printed:
# how many cases it has, how many apply and why the others do not, how many agree, and each difference
# with its reason (artifact/tests/suites/differences.tsv). The last line sums up.
#
# Exit codes: 0 every difference is explained, 1 one is not, 2 usage, 3 a package could not be fetched.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
case ${1:-} in
  -h | --help) sed -n '2,17s/^# \{0,1\}//p' "$0"; exit 0 ;;
  -*) echo "suites.sh: unknown option $1; see --help" >&2; exit 2 ;;
esac
. scripts/env.sh
dir=${1:-artifact/suites}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
work=$(mktemp -d "$dir/.new.XXXXXX")
trap 'rm -rf "$work"' EXIT
skipped=()
skip() { skipped+=("$1"); echo "!!! NOT RUN: $1: $2" >&2; }
missing() { echo "!!! NOT FETCHED: $1" >&2; exit 3; }
for tool in go python3; do
  command -v $tool >/dev/null || missing "the suites that are Go modules ($tool is missing)"
done

# The folder of a Go module in the module cache.
module() { # PATH@VERSION
  (cd "$work" && go mod download -json "$1" 2>/dev/null) | python3 -c 'import json, sys; print(json.load(sys.stdin).get("Dir", ""))'
}

# BetterTLS makes its certificates anew; its own program exports them with what each should give.
bettertls=github.com/Netflix/bettertls/test-suites/cmd/bettertls@v0.0.0-20250909192348-e1e99e353074
if [ ! -f "$dir/bettertls.json" ]; then
  (cd "$work" && go run "$bettertls" export-tests --out bettertls.json >/dev/null 2>run.log) ||
    { tail -n 3 "$work/run.log" >&2; missing "BetterTLS"; }
  mv "$work/bettertls.json" "$dir"
fi

if [ ! -d "$dir/wycheproof" ]; then
  found=$(module github.com/c2sp/wycheproof@v0.0.0-20260902155932-3fa63dd0344a)
  [ -n "$found" ] || missing "Wycheproof"
  mkdir "$work/wycheproof"
  cp --no-preserve=mode "$found"/testvectors_v1/{rsa_signature,rsa_pss,ecdsa,ecdh,ed25519}*.json "$work/wycheproof"
  mv "$work/wycheproof" "$dir"
fi

# The vectors that CCTV took over, under the name that they had before.
if [ ! -f "$dir/ed25519vectors.json" ]; then
  found=$(module filippo.io/mostly-harmless/ed25519vectors@v0.0.0-20210322192420-30a2d7243a94)
  [ -n "$found" ] || missing "the Ed25519 vectors"
  cp --no-preserve=mode "$found/ed25519vectors.json" "$dir"
fi

# x509-limbo makes its cases, too, but for BetterTLS's, which run by themselves.
limbo=${SUITES_DIR:-/nowhere}/x509-limbo
if [ -f "$limbo/limbo.json" ]; then
  cp "$limbo/limbo.json" "$dir"
elif [ -f "$limbo/limbo/_cli.py" ]; then
  if python3 -m venv "$work/venv" && "$work/venv/bin/pip" install -q --disable-pip-version-check \
    'pydantic~=2.13' 'cryptography~=46.0' 'pyyaml~=6.0' 'requests~=2.33' pyOpenSSL certifi Jinja2; then
    (cd "$limbo" && "$work/venv/bin/python" - "$work/limbo.json" <<'PYTHON' 2>/dev/null) && mv "$work/limbo.json" "$dir"
import sys
from limbo import testcases
from limbo.models import Limbo
from limbo.testcases import online

online.register_testcases()
made = [make() for _, make in testcases.registry.items()]
with open(sys.argv[1], "w") as out:
    out.write(Limbo(version=1, testcases=made).model_dump_json(indent=1))
PYTHON
  fi
fi
[ -f "$dir/limbo.json" ] || skip "x509-limbo" "no registry has it; name a folder with a checkout in SUITES_DIR"

if [ -d "${SUITES_DIR:-/nowhere}/boringssl/pki/testdata" ]; then
  rm -rf "$dir/boringssl"
  mkdir -p "$dir/boringssl/pki"
  cp -r "$SUITES_DIR"/boringssl/pki/{testdata,verify_signed_data_unittest.cc} "$dir/boringssl/pki"
fi
[ -d "$dir/boringssl" ] || skip "BoringSSL pki" "the package that carries BoringSSL leaves its tests out; name a folder with a checkout in SUITES_DIR"

status=0
SUITES=$dir cargo test -q --release -p ishibumi-artifact --test suites | tee "$work/out" || status=1
sums=$(sed -n 's/^\([^ ].*\): [0-9]* in all, \([0-9]*\) applicable, \([0-9]*\) agree, \([0-9]*\) differ.*, *\([0-9]*\) unexplained$/\1 \3 of \2 (\4 explained, \5 not)/p' "$work/out" | paste -sd ';' | sed 's/;/; /g')
if [ -f artifact/corpus/files/pkits/cases.json ]; then
  cargo test -q --release -p ishibumi-artifact --test pkits | tee "$work/out" || status=1
  sums="$sums; $(tail -n 1 "$work/out")"
else
  skip "NIST PKITS" "it comes with the corpus; scripts/fetch-corpus.sh fetches it"
fi
if [ $status = 0 ]; then word=OK; else word=FAILED; fi
echo "$word: ${sums:-nothing ran}${skipped[*]:+; NOT RUN: $(printf '%s, ' "${skipped[@]}" | sed 's/, $//')}"
exit $status
