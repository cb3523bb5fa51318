#!/usr/bin/env bash
# Real artifacts, and NIST PKITS, against the verdicts that are expected of them; and what OpenSSL and
# pyhanko-certvalidator say.
#
#   scripts/corpus.sh [--no-compare]
#
# Fetches what is missing (scripts/fetch-corpus.sh), prints the table of verdicts, then every verdict on
# which one of the two differs, with the paragraph of docs/corpus.md that explains it. The last line sums up.
# certvalidator is installed into an environment of its own beside the corpus (python3-venv).
#
# Exit codes: 0 all as expected, 1 something was not, 2 usage, 3 something could not be fetched.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
compare=yes
case ${1:-} in
  '') ;;
  --no-compare) compare=no ;;
  -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) echo "corpus.sh: unknown option $1; see --help" >&2; exit 2 ;;
esac
. scripts/env.sh
[ -f artifact/corpus/files/index.tsv ] || ./scripts/fetch-corpus.sh || exit 3

status=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT
cargo test -q --release -p ishibumi-artifact --test corpus -- --table | tee "$out" || status=1
verdicts=$(tail -n 1 "$out")
cargo test -q --release -p ishibumi-artifact --test pkits | tee "$out" || status=1
pkits=$(tail -n 1 "$out")
compared="not compared"
if [ $compare = yes ]; then
  python3 scripts/corpus-compare.py artifact/corpus | tee "$out" || status=1
  compared=$(tail -n 1 "$out")
  venv=artifact/corpus/files/venv
  if [ -x $venv/bin/python ] || { python3 -m venv $venv &&
    $venv/bin/pip install -q --disable-pip-version-check pyhanko-certvalidator==0.33.0; }; then
    $venv/bin/python scripts/corpus-certvalidator.py artifact/corpus | tee "$out" || status=1
    compared="$compared; $(tail -n 1 "$out")"
  else
    rm -rf $venv
    echo "!!! NOT COMPARED with pyhanko-certvalidator: it could not be installed (python3-venv, pip)" >&2
    compared="$compared; NOT compared with pyhanko-certvalidator"
    status=1
  fi
fi
if [ $status = 0 ]; then word=OK; else word=FAILED; fi
echo "$word: $verdicts; $pkits; $compared"
exit $status
