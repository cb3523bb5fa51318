#!/usr/bin/env bash
# Evidence records (RFC 4998) against Bouncy Castle: it verifies ours, and ours verifies what it makes.
#
#   scripts/ers-interop.sh [--bless]
#
#   --bless  keep the records that it makes as test data (testdata/evidence-record, testdata/renewal), in
#            place of those that are there; the diff is to be reviewed like any change of a format
#
# Wants a JDK and Maven, which fetches three jars once (target/ers). `cargo test` needs neither: it reads the
# records that are kept.
#
# Exit codes: 0 both agree, 1 they do not, 3 Java or Maven is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
for tool in java javac mvn; do
  command -v $tool > /dev/null || { echo "ers-interop.sh: $tool is missing" >&2; exit 3; }
done
version=1.78.1
dir=$PWD/target/ers
mkdir -p "$dir/lib" "$dir/classes" "$dir/ours"
for jar in bcprov bcutil bcpkix; do
  [ -f "$dir/lib/$jar-jdk18on-$version.jar" ] ||
    mvn -q dependency:copy -Dartifact=org.bouncycastle:$jar-jdk18on:$version -DoutputDirectory="$dir/lib"
done
javac -cp "$dir/lib/*" -d "$dir/classes" scripts/ers/Ers.java
bouncy() { java -cp "$dir/lib/*:$dir/classes" Ers "$@"; }

. scripts/env.sh
ISHIBUMI_ERS_OUT=$dir/ours cargo test -q --release --workspace --test suite records_over_tokens_by_openssl
for name in one renewed rehashed; do
  echo "ours, $name: $(bouncy check "$dir/ours/$name.ers" "$dir/ours/data" "$(date +%s)")"
done

kept=testdata/evidence-record
if [ "${1:-}" = --bless ]; then
  bouncy make $kept
  bouncy over testdata/evidence/golden.evidence.zip testdata/renewal
  ISHIBUMI_BLESS=1 cargo test -q --release --workspace --test suite renewal::golden
fi
cargo test -q --release --workspace --test suite -- evidence_records:: renewal::
echo "ers-interop: OK"
