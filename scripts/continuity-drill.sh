#!/usr/bin/env bash
# The drill: two providers end, one in order and one by a stolen key; the log is destroyed without warning; a
# mirror takes over reads, a successor opens; then everything is switched off, and all evidence is judged
# offline. Prints what was expected of each class of artifacts, and what came.
#
#   scripts/continuity-drill.sh [--records N] [--out DIR]
#
#   --records N   about how many records the log gets (default 10000, at least 500)
#   --out DIR     where the evidence is left (default: drill)
#
# Exit codes: 0 all as expected, 1 something was not, 2 usage, 3 something is missing.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
out=drill records=10000
usage() { echo "continuity-drill.sh: $*; see --help" >&2; exit 2; }
while [ $# -gt 0 ]; do
  case $1 in
    --records) [[ ${2:-} =~ ^[1-9][0-9]{2,6}$ ]] && [ "$2" -ge 500 ] || usage "--records wants 500 to 9999999"; records=$2; shift 2 ;;
    --out) [ -n "${2:-}" ] || usage "--out wants a folder"; out=$2; shift 2 ;;
    -h | --help) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) usage "unknown option $1" ;;
  esac
done
. "$here/scripts/out-folder.sh"
claim_folder "$out"
out=$(cd "$out" && pwd)
cd "$here"
./scripts/install.sh
. scripts/env.sh
for tool in openssl curl awk xargs sha256sum; do
  command -v "$tool" >/dev/null || { echo "continuity-drill.sh: $tool is not in PATH" >&2; exit 3; }
done
echo "building (the first time takes a few minutes)"
# The same build as scripts/test.sh: what one has compiled the other does not compile again.
cargo build --release --workspace --bins
bin=${CARGO_TARGET_DIR:-$here/target}/release
started=$SECONDS
say() { printf '%4d s  %s\n' $((SECONDS - started)) "$*"; }

set_aside "$out"
private=$out/private
mkdir -p "$private" "$out"/{anchors,artifacts,documents,lists,unlogged}
. scripts/listening.sh
. scripts/openssl.sh
. scripts/drill/providers.sh
. scripts/drill/services.sh
. scripts/drill/judge.sh
# From here on nothing is left running, whatever happens.
trap stop_all EXIT
set -E
trap 'echo "continuity-drill.sh: failed: $BASH_COMMAND; what the commands said is in $private" >&2' ERR
now() { date -u +%Y%m%d%H%M%SZ; }
# Times in certificates and proofs are in whole seconds: what has to be before something else waits for it.
apart() { sleep 3; }

# --- 1. Two providers and what they issued in good times ---------------------------------------------
half=$(((records - 60) / 2)) documented=50
say "provider A (RSA-2048) and provider B (P-256) stamp $((half * 2)) documents"
provider a "Sumi Time" rsa:2048
provider b "Kaze Time" ec -pkeyopt ec_paramgen_curve:P-256
for id in a b; do
  for n in $(seq -w $documented); do
    echo "Contract $n of the customers of provider ${id^^}" >"$out/documents/$id-$n.txt"
    timestamp $id "$out/documents/$id-$n.txt" "$out/artifacts/$id-document-$n.tst"
  done
  bulk $id $((half - documented)) "$out/artifacts"
done

# --- 2. A log, three witnesses, two mirrors -----------------------------------------------------------
say "a log opens; two of three witnesses and one of two mirrors have to cosign"
witnesses="w1 w2 w3" mirrors="m1 m2"
configure log log.example/drill a b
"$bin/ishibumi-log" --config "$private/log/log.toml" init | sed -n 's/^log //p' >"$private/log.vkeys"
for name in $witnesses; do
  cosigner "" $name "$private/log.vkeys"
  start $name "$bin/ishibumi-witness" serve --dir "$private/$name" --listen 127.0.0.1:0
done
for name in $mirrors; do
  # Once without a log, to learn the address that the policy states.
  "$bin/ishibumi-witness" mirror init --dir "$private/$name" --name $name.example >"$private/$name.vkeys"
  start $name "$bin/ishibumi-witness" mirror serve --dir "$private/$name" --listen 127.0.0.1:0
  stop $name
done
policy "$private/log.vkeys" >"$out/policy.txt"
cp "$out/policy.txt" "$private/log/policy.txt"
start log "$bin/ishibumi-log" --config "$private/log/log.toml" serve
for name in $mirrors; do follow $name log; done

say "everything that they issued is logged"
submit log a "$private/submit.out" "$out"/artifacts/a-*.tst
submit log b "$private/submit.out" "$out"/artifacts/b-*.tst

# --- 3. Provider A closes in order ---------------------------------------------------------------------
say "provider A closes in order: it revokes its unit for cessation of operation, and publishes its last list"
apart
revoke a -crl_reason cessationOfOperation -- -crl_nextupdate 99991231235959Z
submit log a "$private/submit.out" "$out/lists/a.crl"
# Its end is a set of statements: how many tokens there ever were, the last list, the key, the custodian.
state() {
  "$bin/ishibumi" statement --log "${address_of[log]}" --token-file "$private/log/a.bearer" --provider a "$@" \
    >>"$private/statements.out"
}
state last-count --tsu "$private/a/tsu.crt" --tokens "$out/artifacts" --anchors "$out/anchors"
state last-crl --crl "$out/lists/a.crl" --anchors "$out/anchors/a.crt"
tar -C "$out" -cf "$private/a/archive.tar" artifacts
state custodian --name "National Archive" --location https://archive.example/a --archive "$private/a/archive.tar"
state key-destroyed --certificate "$private/a/tsu.crt" --date "$(now)" --text "zeroized before two witnesses"
ended "A: an orderly end, by its statements" 0 log
apart
# What a dishonest employee would make with the key that should have been destroyed.
for n in 1 2 3 4 5; do
  timestamp a "$out/documents/a-01.txt" "$out/artifacts/a-after-the-end-$n.tst"
done
submit log a "$private/submit.out" "$out"/artifacts/a-after-the-end-*.tst
rm "$private"/a/*.key "$private"/a/bulk/tsa/*.key

# --- 4. The key of provider B's unit is stolen ------------------------------------------------------------
stolen_at=$(now)
say "the key of provider B's unit is stolen; the thief backdates tokens, and the theft is found out"
apart
an_hour_ago=$(date -u -d "1 hour ago" +%Y%m%d%H%M%SZ)
for n in $(seq -w 20); do
  backdate b 7f01$n "$an_hour_ago" "$out/artifacts/b-backdated-$n.tst"
  backdate b 7f02$n "$an_hour_ago" "$out/unlogged/b-backdated-and-not-logged-$n.tst"
done
# The thief has the bearer token as well. The log takes them: nobody knows yet.
submit log b "$private/submit.out" "$out"/artifacts/b-backdated-*.tst
apart
revoke b -crl_compromise "$stolen_at" --
submit log b "$private/submit.out" "$out/lists/b.crl"
apart
for n in 1 2 3 4 5; do
  timestamp b "$out/documents/b-01.txt" "$out/artifacts/b-after-the-revocation-$n.tst"
done
submit log b "$private/submit.out" "$out"/artifacts/b-after-the-revocation-*.tst

# --- 5. The log is destroyed -------------------------------------------------------------------------------
size=$(curl -sf "${address_of[log]}/checkpoint" | sed -n 2p)
say "the log holds $size records; it is destroyed without warning, and with it a witness and a mirror"
id=$(printf '%s' log.example/drill | sha256sum | cut -d' ' -f1)
mirror=${address_of[m1]}/$id
wait_for "the mirror to have the newest checkpoint and lists" mirrored
stop log KILL
stop w3 KILL
stop m2 KILL
rm -r "$private"/log/{data,heads} "$private"/log/log.key* "$private/w3" "$private/m2"

# --- 6. A mirror takes over reads ----------------------------------------------------------------------------
say "relying parties come to the mirror with what they hold: artifacts without any proof or list"
"$bin/ishibumi" evidence get --from "$mirror" --policy "$out/policy.txt" --anchors "$out/anchors" --jobs 64 \
  "$out/artifacts" "$out/lists" >"$private/get.out" || true
tail -n 1 "$private/get.out"
"$bin/ishibumi" evidence get --from "$mirror" --policy "$out/policy.txt" --anchors "$out/anchors" \
  "$out/unlogged" >"$private/get-unlogged.out" 2>&1 || true
"$bin/ishibumi" audit --from "$mirror" --policy "$out/policy.txt" >"$private/audit.out" 2>&1 || true

ended "A: the same report when its key was used again" 4 mirror

# --- 7. A successor opens -----------------------------------------------------------------------------------------
say "a successor opens; it can only say that the old log vanished"
witnesses="w1 w2" mirrors="m1"
provider c "Nami Time" ec -pkeyopt ec_paramgen_curve:P-384
configure next log.example/drill-2 c
entry() { # SOURCE POLICY FOLDER INDEX
  "$bin/ishibumi" evidence entry --from "$1" --policy "$2" --out "$private/$3" "${@:4}" >>"$private/entries.out"
}
entry "$mirror" "$out/policy.txt" last-of-the-old --last
"$bin/ishibumi-log" --config "$private/next/log.toml" init --predecessor "$private/last-of-the-old/checkpoint" \
  --predecessor-policy "$out/policy.txt" --abandoned | sed -n 's/^log //p' >"$private/next.vkeys"
for name in $witnesses; do
  stop $name
  watch $name next
  start $name "$bin/ishibumi-witness" serve --dir "$private/$name" --listen "${address_of[$name]#http://}"
done
stop m1
policy "$private/next.vkeys" >"$out/next-policy.txt"
cp "$out/next-policy.txt" "$private/next/policy.txt"
start next "$bin/ishibumi-log" --config "$private/next/log.toml" serve
follow m1 next
for n in $(seq -w 20); do timestamp c "$out/documents/a-$n.txt" "$out/artifacts/c-again-$n.tst"; done
# Of a unit that nobody revoked, a list of a later time says so: without it the validity of its tokens is not judged.
publish c
submit next c "$private/submit.out" "$out"/artifacts/c-again-*.tst "$out/lists/c.crl"
wait_for "the successor's tokens and list to be published" published next 21
entry "${address_of[next]}" "$out/next-policy.txt" opened --index 0
"$bin/ishibumi" evidence get --from "${address_of[next]}" --policy "$out/next-policy.txt" --anchors "$out/anchors" \
  --jobs 8 "$out/artifacts" "$out/lists" >>"$private/get-next.out" 2>&1 || true
chain=("$bin/ishibumi" audit --policy "$out/next-policy.txt" --old-policy "$out/policy.txt" --lang en)
audited "the chain of logs, audited from the successor down" 0 "no closing record of it is known" "${chain[@]}" --predecessor "$mirror" "${address_of[next]}"

# --- 8. Everything is switched off, and judged ------------------------------------------------------------------
say "everything is switched off; all evidence is packed into one file and judged offline"
stop_all
"$bin/ishibumi" evidence pack --unverified --policy "$out/next-policy.txt" --old-policy "$out/policy.txt" \
  --anchors "$out/anchors" --statement "$private/opened/entry" \
  --document "$out/documents" --out "$out/all.evidence.zip" \
  "$out/artifacts" "$out/lists" >"$private/pack.out" 2>&1 || true
say "judging $(stat -c %s "$out/all.evidence.zip") octets of evidence"
"$bin/ishibumi" evidence verify --lang en --policy "$out/next-policy.txt" --old-policy "$out/policy.txt" \
  --anchors "$out/anchors" "$out/all.evidence.zip" >"$private/verify.out" 2>&1 || true

class "A: tokens with their documents" 'a-document-*' TOTAL-PASSED $documented
class "A: all other tokens of its life" 'a-bulk-*' TOTAL-PASSED $((half - documented))
class "A: stamped after its end" 'a-after-the-end-*' "TOTAL-FAILED, REVOKED" 5
class "A: its last revocation list" a.crl TOTAL-PASSED 1
class "B: tokens with their documents, before the theft" 'b-document-*' TOTAL-PASSED $documented
class "B: all other tokens logged before the theft" 'b-bulk-*' TOTAL-PASSED $((half - documented))
class "B: backdated by the thief, and logged" 'b-backdated-*' "INDETERMINATE, REVOKED_NO_POE" 20
class "B: stamped after the revocation" 'b-after-the-revocation-*' "TOTAL-FAILED, REVOKED" 5
class "B: its revocation list" b.crl TOTAL-PASSED 1
class "the successor: tokens with their documents" 'c-again-*' TOTAL-PASSED 20
class "the successor: a revocation list" c.crl TOTAL-PASSED 1
link "the successor's word about the old log" "no closing record"
unlogged "B: backdated by the thief, not logged: no proof" 20
borrowed "B: the same with the proof of an honest token" "TOTAL-FAILED, HASH_FAILURE" 20
table
