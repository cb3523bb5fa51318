#!/usr/bin/env bash
# Real artifacts, and NIST PKITS, against the verdicts that are expected of them; and what OpenSSL says.
#
#   scripts/corpus.sh [--no-compare]
#
# Fetches what is missing (scripts/fetch-corpus.sh), prints the table of verdicts, then every verdict on
# which OpenSSL differs, with the paragraph of docs/corpus.md that explains it. The last line sums up.
#
# Exit codes: 0 all as expected, 1 something was not, 2 usage, 3 something could not be fetched.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
compare=yes
case ${1:-} in
  '') ;;
  --no-compare) compare=no ;;
  -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
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
fi
if [ $status = 0 ]; then word=OK; else word=FAILED; fi
echo "$word: $verdicts; $pkits; $compared"
exit $status
