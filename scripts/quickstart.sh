#!/usr/bin/env bash
# The whole story in a minute: real timestamps and an e-seal go into a log that three witnesses watch, and with them
# the issuers' last revocation lists; then everything is shut down, the providers' keys are destroyed, and all of it is
# still proven offline, revocation included.
#
#   scripts/quickstart.sh [--out DIR] [--keep-running]
#
#   --out DIR        where the evidence is left to play with (default: demo)
#   --keep-running   leave the log and the witnesses up and print their URLs, and how to stop them
#
# Exit codes: 0 all as expected, 1 something was not, 2 usage, 3 something is missing.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
out=demo keep=no
while [ $# -gt 0 ]; do
  case $1 in
    --out) [ $# -ge 2 ] || { echo "quickstart.sh: --out wants a folder" >&2; exit 2; }; out=$2; shift 2 ;;
    --keep-running) keep=yes; shift ;;
    -h | --help) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "quickstart.sh: unknown option $1; see --help" >&2; exit 2 ;;
  esac
done

usage() { echo "quickstart.sh: $*" >&2; exit 2; }
# Before anything takes time.
. "$here/scripts/out-folder.sh"
claim_folder "$out"
while read -r pid; do
  if grep -qs '^ishibumi' "/proc/$pid/comm"; then
    usage "an earlier --keep-running still runs in $out; stop it first, and give it some seconds: kill $(paste -sd ' ' "$out/private/pids")（前回の --keep-running がまだ動いています。上の kill で止め、数秒待ってください）"
  fi
done < <(cat "$out/private/pids" 2>/dev/null)
cd "$here"
./scripts/install.sh
. scripts/env.sh
for tool in openssl curl awk shred; do
  command -v "$tool" >/dev/null || { echo "quickstart.sh: $tool is not in PATH" >&2; exit 3; }
done
echo "building (the first time takes a few minutes)"
# The same build as scripts/test.sh: what one has compiled the other does not compile again.
cargo build --release --workspace --bins
bin=${CARGO_TARGET_DIR:-$here/target}/release
cd - >/dev/null

started=$SECONDS
pids=()
stop_all() {
  [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
  [ ${#pids[@]} -eq 0 ] || wait "${pids[@]}" 2>/dev/null || true
  pids=()
}
say() { printf '%3d s  %s\n' $((SECONDS - started)) "$*"; }
# From here on nothing is left running, whatever happens.
trap stop_all EXIT

set_aside "$out"
mkdir -p "$out"/{anchors,documents,artifacts} "$out"/private/{tsa-a,tsa-b,seal-ca,lists,log,witnesses}
out=$(cd "$out" && pwd)
private=$out/private

. "$here/scripts/openssl.sh"

# --- 1. Providers: two timestamping authorities and an e-seal CA, made with OpenSSL -----------------

# provider DIR NAME KEYOPTIONS...: a CA and a time-stamping unit below it.
provider() {
  local dir=$1 name=$2
  shift 2
  cat >"$dir/openssl.cnf" <<CNF
[req]
distinguished_name = dn
prompt = no
[dn]
[ca_extensions]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[ca]
default_ca = this
[this]
database = $dir/index.txt
crlnumber = $dir/crlnumber
certificate = $dir/ca.crt
private_key = $dir/ca.key
default_md = sha256
default_crl_days = 30
[tsu]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[tsa]
default_tsa = t
[t]
serial = $dir/serial
crypto_device = builtin
signer_cert = $dir/tsu.crt
certs = $dir/ca.crt
signer_key = $dir/tsu.key
signer_digest = sha256
default_policy = 0.4.0.2023.1.1
digests = sha256, sha384, sha512
accuracy = secs:1
ordering = no
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
CNF
  : >"$dir/index.txt"
  echo 01 >"$dir/serial"
  echo 01 >"$dir/crlnumber"
  openssl req -x509 -newkey "$@" -nodes -keyout "$dir/ca.key" -out "$dir/ca.crt" -days 7300 \
    -subj "/C=JP/O=$name/CN=$name Root" -config "$dir/openssl.cnf" \
    -extensions ca_extensions
  openssl req -new -newkey "$@" -nodes -keyout "$dir/tsu.key" -out "$dir/tsu.csr" \
    -subj "/C=JP/O=$name/CN=$name TSU 1" -config "$dir/openssl.cnf"
  openssl x509 -req -in "$dir/tsu.csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -CAcreateserial \
    -days 3650 -extfile "$dir/openssl.cnf" -extensions tsu -out "$dir/tsu.crt"
}

say "making two TSAs and an e-seal CA with $(openssl version | cut -d' ' -f1-2)"
provider "$private/tsa-a" "Sumi Time" rsa:2048
provider "$private/tsa-b" "Kaze Time" ec -pkeyopt ec_paramgen_curve:P-256
cp "$private/tsa-a/ca.crt" "$out/anchors/tsa-a.crt"
cp "$private/tsa-b/ca.crt" "$out/anchors/tsa-b.crt"

seal=$private/seal-ca
cat >"$seal/openssl.cnf" <<CNF
[req]
distinguished_name = dn
prompt = no
[dn]
[ca_extensions]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[seal]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature,nonRepudiation
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[ca]
default_ca = seal_ca
[seal_ca]
database = $seal/index.txt
serial = $seal/serial
crlnumber = $seal/crlnumber
new_certs_dir = $seal
certificate = $seal/ca.crt
private_key = $seal/ca.key
default_md = sha256
default_days = 730
default_crl_days = 30
policy = anything
x509_extensions = seal
unique_subject = no
[anything]
countryName = optional
organizationName = optional
organizationIdentifier = optional
commonName = supplied
CNF
: >"$seal/index.txt"
echo 1000 >"$seal/serial"
echo 01 >"$seal/crlnumber"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$seal/ca.key" -out "$seal/ca.crt" -days 7300 \
  -subj "/C=JP/O=Hanko Trust/CN=Hanko Trust Seal CA" -config "$seal/openssl.cnf" \
  -extensions ca_extensions
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$seal/seal.key" \
  -out "$seal/seal.csr" -config "$seal/openssl.cnf" \
  -subj "/C=JP/O=Example Works KK/organizationIdentifier=NTRJP-1234567890123/CN=Example Works Seal"
openssl ca -batch -config "$seal/openssl.cnf" -in "$seal/seal.csr" -out "$out/artifacts/e-seal.crt" \
  -notext
cp "$seal/ca.crt" "$out/anchors/seal-ca.crt"

# --- 2. Documents, timestamps, a seal and its revocation ------------------------------------------

say "timestamping 200 documents"
count=0
while read -r file; do
  count=$((count + 1))
  cp "$file" "$(printf '%s/documents/%03d-%s' "$out" "$count" "$(basename "$(dirname "$file")")-$(basename "$file")")"
done < <(find -L /usr/share/common-licenses /usr/share/doc /usr/share/man /usr/share/perl /usr/share/zoneinfo \
  -type f -readable -size +0 -size -512k 2>/dev/null | sort | head -n 200)
[ "$count" -eq 200 ] || { echo "quickstart.sh: only $count documents found on this machine" >&2; exit 3; }

timestamp() { # TSA FILES...: one token beside each name
  local tsa=$private/$1 file name
  shift
  for file in "$@"; do
    name=$(basename "$file")
    openssl ts -query -data "$file" -sha256 -cert -out "$tsa/q.tsq"
    openssl ts -reply -config "$tsa/openssl.cnf" -queryfile "$tsa/q.tsq" -token_out \
      -out "$out/artifacts/$name.tst"
  done
}
mapfile -t documents < <(printf '%s\n' "$out"/documents/*)
timestamp tsa-a "${documents[@]:0:100}" &
pids+=($!)
timestamp tsa-b "${documents[@]:100}" &
pids+=($!)
for job in "${pids[@]}"; do wait "$job"; done
pids=()

sealed=$out/documents/sealed-report.txt
echo "Example Works KK seals this report." >"$sealed"
openssl cms -sign -binary -in "$sealed" -signer "$out/artifacts/e-seal.crt" -inkey "$seal/seal.key" \
  -outform DER -out "$sealed.p7s"
timestamp tsa-a "$sealed.p7s"
openssl ca -config "$seal/openssl.cnf" -revoke "$out/artifacts/e-seal.crt" \
  -crl_reason cessationOfOperation

# Each CA publishes what it has revoked by now, of a time after everything that was stamped: without a list that
# names it or does not, the validity of a token is not judged. A CA that ends says that there will be no later list.
until_when=(-crl_nextupdate 99991231235959Z)
[ "$keep" = no ] || until_when=()
for ca in tsa-a tsa-b seal-ca; do
  openssl ca -config "$private/$ca/openssl.cnf" -gencrl "${until_when[@]}" -out "$private/$ca/list.pem"
  openssl crl -in "$private/$ca/list.pem" -outform DER -out "$private/lists/$ca.crl"
done
cp "$private/lists/seal-ca.crl" "$out/artifacts/"

# --- 3. A log and three witnesses ------------------------------------------------------------------

say "starting a log and three witnesses, two of which have to agree"
. "$here/scripts/listening.sh"
log=$private/log
"$bin/ishibumi-log" token >"$log/token.txt"
sed -n 's/^token  *//p' "$log/token.txt" >"$log/bearer-token"
cat >"$log/log.toml" <<TOML
origin = "log.example/quickstart"
data_dir = "data"
head_dir = "heads"
key_file = "log.key"
policy_file = "policy.txt"
listen = "127.0.0.1:0"
admin_listen = "127.0.0.1:0"

[[provider]]
id = "demo"
name = "Sumi Time, Kaze Time and Hanko Trust"
anchors = ["$out/anchors/tsa-a.crt", "$out/anchors/tsa-b.crt", "$out/anchors/seal-ca.crt"]
kinds = ["timestamp-token", "certificate", "crl"]
token_sha256 = ["$(sed -n 's/^token_sha256  *//p' "$log/token.txt")"]
TOML
"$bin/ishibumi-log" --config "$log/log.toml" init >"$log/init.txt"
# Everybody signs twice: with Ed25519, and with ML-DSA-44, which a quantum computer does not break.
mapfile -t vkeys < <(sed -n 's/^log //p' "$log/init.txt")
{
  echo "# What a relying party trusts: this log, if two of these three witnesses cosigned."
  printf 'log %s\n' "${vkeys[@]}"
} >"$out/policy.txt"
for n in 1 2 3; do
  witness=$private/witnesses/$n
  mapfile -t keys < <("$bin/ishibumi-witness" init --dir "$witness" --name "witness$n.example")
  "$bin/ishibumi-witness" add-log --dir "$witness" --vkey "${vkeys[0]}" >/dev/null
  "$bin/ishibumi-witness" add-log-key --dir "$witness" --vkey "${vkeys[1]}" >/dev/null
  "$bin/ishibumi-witness" serve --dir "$witness" --listen 127.0.0.1:0 >"$witness.out" 2>&1 &
  pids+=($!)
  address=$(listening "$witness.out" $!)
  {
    echo "witness w$n-ed25519 ${keys[0]} $address"
    echo "witness w$n-ml-dsa-44 ${keys[1]} $address"
    echo "group w$n any w$n-ed25519 w$n-ml-dsa-44"
  } >>"$out/policy.txt"
done
printf 'group two-of-three 2 w1 w2 w3\nquorum two-of-three\n' >>"$out/policy.txt"
cp "$out/policy.txt" "$log/policy.txt"
"$bin/ishibumi-log" --config "$log/log.toml" serve >"$log/serve.out" 2>&1 &
pids+=($!)
url=$(listening "$log/serve.out" $!)

# --- 4. Submit, audit --------------------------------------------------------------------------------

say "submitting 201 tokens, an e-seal certificate, and the revocation lists of three CAs"
submit=("$bin/ishibumi" submit --lang en --log "$url" --token-file "$log/bearer-token" --policy "$out/policy.txt"
  --anchors "$out/anchors" --jobs 32 --without-revocation)
"${submit[@]}" "$out"/artifacts/*.tst "$out/artifacts/e-seal.crt" "$out/artifacts/seal-ca.crl" >"$private/submit.out"
"${submit[@]}" "$private/lists/tsa-a.crl" "$private/lists/tsa-b.crl" >>"$private/submit.out"
# `submit` never lets two artifacts share a proof's name; here no two differ in their extension alone.
for proof in "$out"/artifacts/*.tlog-proof; do
  artifact=${proof%.tlog-proof}
  mv "$proof" "${artifact%.*}.tlog-proof"
done
say "collecting the lists from the log, as a customer does, into artifacts/revocation/"
"$bin/ishibumi" evidence get --lang en --from "$url" --policy "$out/policy.txt" --anchors "$out/anchors" \
  "$out/artifacts" >"$private/get.out"
say "auditing the whole log"
"$bin/ishibumi" audit "$url" --policy "$out/policy.txt" --state "$private/audit-state" >"$private/audit.out"
records=$(curl -sf "$url/checkpoint" | sed -n 2p)

# --- 5. Everything goes away -------------------------------------------------------------------------

if [ "$keep" = no ]; then
  say "stopping everything, destroying the providers' keys, moving the log's data away"
  stop_all
  find "$private" \( -name '*.key' -o -name '*.ml-dsa-44' \) -exec shred -u {} +
  mv "$log/data" "$log/data.gone"
else
  say "leaving log and witnesses running (--keep-running): keys and data stay"
fi

# --- 6. And is still proven, offline -----------------------------------------------------------------

say "verifying offline"
rows=() bad=0
# expect NAME EXPECTED REASON COMMAND...: one row of the table; EXPECTED is an exit code, and the sentence
# with REASON in it is the outcome.
expect() {
  local name=$1 expected=$2 reason=$3 code=0 why
  shift 3
  "$@" >"$private/verify.out" 2>&1 || code=$?
  why=$(grep -m 1 "$reason" "$private/verify.out") || why=$(sed -n 2p "$private/verify.out") expected="$expected, $reason"
  if [ "$code" != "$expected" ]; then
    bad=$((bad + 1)) name="NOT AS EXPECTED: $name (exit $code)"
    cp "$private/verify.out" "$private/unexpected-$bad.out"
  fi
  rows+=("$(printf '%-52.52s  %s' "$name" "$why")")
}
verify=("$bin/ishibumi" verify --lang en --policy "$out/policy.txt" --anchors "$out/anchors")
proven=0
for document in "$out"/documents/*; do
  token=$out/artifacts/$(basename "$document").tst
  [ -e "$token" ] || continue
  if "${verify[@]}" --document "$document" "$token" >"$private/verify.out" 2>&1; then
    proven=$((proven + 1))
  else
    bad=$((bad + 1))
    cp "$private/verify.out" "$private/unexpected-$bad.out"
  fi
done
rows+=("$(printf '%-52.52s  %s' "timestamp tokens with their documents" "$proven of 201 proven")")
expect "e-seal certificate" 0 "existed before" "${verify[@]}" "$out/artifacts/e-seal.crt"
expect "e-seal certificate, by the list that revokes it" 0 "was revoked at" "${verify[@]}" "$out/artifacts/e-seal.crt"
expect "certificate revocation list" 0 "existed before" "${verify[@]}" "$out/artifacts/seal-ca.crl"

expect "a token, by post-quantum cosignatures alone" 0 "post-quantum" "${verify[@]}" --post-quantum \
  --document "${documents[0]}" "$out/artifacts/$(basename "${documents[0]}").tst"

document=${documents[0]}
token=$out/artifacts/$(basename "$document").tst
proof=${token%.tst}.tlog-proof
# Where no list is beside it, nobody knows whether the unit had been revoked.
alone=$private/alone
mkdir -p "$alone"
cp "$token" "$proof" "$alone/"
expect "the same token without any list" 4 "validity is not judged" "${verify[@]}" --document "$document" "$alone/$(basename "$token")"
expect "and by choice without asking about revocation" 0 "REVOCATION WAS NOT ASKED" "${verify[@]}" --without-revocation --document "$document" "$alone/$(basename "$token")"

tampered=$private/tampered
mkdir -p "$tampered"
{ cat "$document"; echo; } >"$tampered/document"
expect "a changed document is refused" 1 "Disproven at the document" "${verify[@]}" --document "$tampered/document" "$token" "$proof"
# One octet in the middle of the token's signature, which stands at its end.
cp "$token" "$tampered/token.tst"
printf '\x00\xff' | dd of="$tampered/token.tst" bs=1 seek=$(($(stat -c %s "$token") - 100)) conv=notrunc 2>/dev/null
expect "a changed token is refused" 1 "signature does not verify" "${verify[@]}" --document "$document" "$tampered/token.tst" "$proof"
# The first hash of the audit path, with another first character.
awk 'NR==3 { c = substr($0,1,1); $0 = (c == "A" ? "B" : "A") substr($0,2) } { print }' "$proof" >"$tampered/changed.tlog-proof"
expect "a changed proof is refused" 1 "Disproven at inclusion" "${verify[@]}" --document "$document" "$token" "$tampered/changed.tlog-proof"
# The log's lines, and of the witnesses' those of the first that stands there.
awk '/^— witness/ { if (first == "") first = $2; if ($2 != first) next } { print }' "$proof" >"$tampered/lonely.tlog-proof"
# Too few witnesses disprove nothing, and prove nothing: indeterminate.
expect "a checkpoint with one cosignature is refused" 4 "quorum is not met" "${verify[@]}" --document "$document" "$token" "$tampered/lonely.tlog-proof"

printf '\n%-52s  %s\n' "what" "outcome"
printf -- '%s\n' "----------------------------------------------------  -------"
printf '%s\n' "${rows[@]}"
printf '\nevidence: %s  (policy.txt, anchors/, documents/, artifacts/NAME.tst with NAME.tlog-proof, artifacts/revocation/)\n' "$out"
printf 'try:     '
printf ' %q' "$bin/ishibumi" verify --policy "$out/policy.txt" --anchors "$out/anchors" --document "$document" "$token"
echo
after="after all shut down"
if [ "$keep" = yes ]; then
  after="while the log and its witnesses run"
  echo "running:  log $url, witnesses $(sed -n 's/^witness .*-ed25519 .* \(http.*\)/\1/p' "$out/policy.txt" | tr '\n' ' ')"
  printf '%s\n' "${pids[@]}" >"$private/pids"
  echo "bearer token: $log/bearer-token    stop with: kill ${pids[*]}"
  trap - EXIT
fi
if [ $bad -gt 0 ]; then
  echo "quickstart: FAILED: $bad outcomes were not as expected; see $private/unexpected-*.out"
  exit 1
fi
echo "quickstart: $proven tokens, 1 e-seal certificate and 1 revocation list proven offline from $records records $after; 4 forgeries refused; $((SECONDS - started)) s"
