# Two providers, made with OpenSSL: for each a CA that can revoke, and a time-stamping unit below it.
# Sourced by continuity-drill.sh; wants $private and $out.

# provider ID NAME KEYOPTIONS...: $private/ID with ca.crt, tsu.crt, their keys, and what `openssl ca` needs.
provider() {
  local id=$1 name=$2 dir=$private/$1
  shift 2
  mkdir -p "$dir"
  : >"$dir/index.txt"
  echo 1000 >"$dir/ca-serial"
  echo 01 >"$dir/crlnumber"
  echo 01 >"$dir/tsa-serial"
  cat >"$dir/openssl.cnf" <<CNF
[req]
distinguished_name = dn
prompt = no
[dn]
[ca_extensions]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[tsu]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[ca]
default_ca = this
[this]
database = $dir/index.txt
serial = $dir/ca-serial
crlnumber = $dir/crlnumber
new_certs_dir = $dir
certificate = $dir/ca.crt
private_key = $dir/ca.key
default_md = sha256
default_days = 3650
default_crl_days = 30
policy = anything
x509_extensions = tsu
unique_subject = no
crl_extensions = crl
[crl]
authorityKeyIdentifier = keyid
[anything]
countryName = optional
organizationName = optional
commonName = supplied
[tsa]
default_tsa = t
[t]
serial = $dir/tsa-serial
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
  # Both have been there for a while, so that a thief can backdate.
  local dates=(-startdate 20260101000000Z -enddate 20460101000000Z)
  openssl req -new -newkey "$@" -nodes -keyout "$dir/ca.key" -out "$dir/ca.csr" \
    -subj "/C=JP/O=$name/CN=$name Root" -config "$dir/openssl.cnf"
  openssl ca -batch -config "$dir/openssl.cnf" -selfsign -keyfile "$dir/ca.key" -in "$dir/ca.csr" \
    -out "$dir/ca.crt" -notext -extensions ca_extensions "${dates[@]}"
  openssl req -new -newkey "$@" -nodes -keyout "$dir/tsu.key" -out "$dir/tsu.csr" \
    -subj "/C=JP/O=$name/CN=$name TSU 1" -config "$dir/openssl.cnf"
  openssl ca -batch -config "$dir/openssl.cnf" -in "$dir/tsu.csr" -out "$dir/tsu.crt" -notext \
    "${dates[@]}"
  cp "$dir/ca.crt" "$out/anchors/$id.crt"
}

# timestamp ID FILE TOKEN: an RFC 3161 token over FILE.
timestamp() {
  local dir=$private/$1
  openssl ts -query -data "$2" -sha256 -cert -out "$dir/q.tsq"
  openssl ts -reply -config "$dir/openssl.cnf" -queryfile "$dir/q.tsq" -token_out -out "$3"
}

# bulk ID COUNT FOLDER: that many tokens over random digests, by the same unit.
bulk() {
  local dir=$private/$1 token
  mkdir -p "$dir/bulk/tsa"
  cp "$dir"/{ca,tsu}.{crt,key} "$dir/bulk/tsa/"
  "$bin/tokens" --out "$dir/bulk" --count "$2" --jobs 2 2>/dev/null >/dev/null
  for token in "$dir"/bulk/tokens/*.tst; do
    mv "$token" "$3/$1-bulk-$(basename "$token")"
  done
}

# backdate ID SERIAL TIME TOKEN: what a thief of the unit's key makes: a token whose genTime is TIME
# (GeneralizedTime), signed now. OpenSSL's own TSA would stamp its clock, so the TSTInfo is made by hand.
backdate() {
  local dir=$private/$1
  cat >"$dir/backdate.cnf" <<CNF
asn1 = SEQUENCE:tst
[tst]
version = INTEGER:1
policy = OID:0.4.0.2023.1.1
imprint = SEQUENCE:imprint
serial = INTEGER:0x$2
time = GENERALIZEDTIME:$3
accuracy = SEQUENCE:accuracy
[imprint]
algorithm = SEQUENCE:algorithm
digest = FORMAT:HEX,OCTETSTRING:$(openssl rand -hex 32)
[algorithm]
oid = OID:sha256
[accuracy]
seconds = INTEGER:1
CNF
  openssl asn1parse -genconf "$dir/backdate.cnf" -noout -out "$dir/backdate.tst-info"
  openssl cms -sign -binary -nodetach -cades -md sha256 -in "$dir/backdate.tst-info" \
    -econtent_type 1.2.840.113549.1.9.16.1.4 -signer "$dir/tsu.crt" -inkey "$dir/tsu.key" \
    -certfile "$dir/ca.crt" -outform DER -out "$4"
}

# publish ID GENCRL-OPTIONS...: writes ID.crl, with what has been revoked by now.
publish() {
  local id=$1 dir=$private/$1
  shift
  openssl ca -config "$dir/openssl.cnf" -gencrl "$@" -out "$dir/list.pem"
  openssl crl -in "$dir/list.pem" -outform DER -out "$out/lists/$id.crl"
}

# revoke ID OPTIONS... -- GENCRL-OPTIONS...: revokes the unit and writes ID.crl.
revoke() {
  local id=$1 dir=$private/$1 options=()
  shift
  while [ "$1" != -- ]; do options+=("$1"); shift; done
  shift
  openssl ca -config "$dir/openssl.cnf" -revoke "$dir/tsu.crt" "${options[@]}"
  publish "$id" "$@"
}
