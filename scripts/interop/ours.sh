# shellcheck shell=bash disable=SC2034,SC2154
# Our own programs as the rows need them: a log with a policy, a witness, submissions. Sourced.
# A row has its own folder in $at, and `started` ends what it started.

# started NAME COMMAND...: runs it in the background with its output in $at/NAME.out; sets pid.
started() {
  local name=$1
  shift
  "$@" >"$at/$name.out" 2>&1 &
  pid=$!
  pids+=("$pid")
}

# until_true SECONDS WHAT COMMAND...: waits for a condition, and says what never came true.
until_true() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -ge $deadline ]; then
      echo "never came true: $what"
      tail -n 20 "$at"/*.out 2>/dev/null
      return 1
    fi
    sleep 0.1
  done
}

# Our programs and those of others, where they have to end by themselves.
our() { timeout 120 "$ours/$1" "${@:2}"; }
peer() { timeout 60 "$peers_dir/bin/$1" "${@:2}"; }
# The first Ed25519 key, or the first ML-DSA-44 one, of what a program prints.
ed25519() { grep -oE '[^ +]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{44,48}$' | head -n 1; }
ml_dsa() { grep -oE '[^ +]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{1000,}$' | head -n 1; }

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
# Anything that speaks HTTP at the address, whatever it answers.
answers() { curl -s -o /dev/null --max-time 2 "$1"; }

# ours_listening NAME: waits for the address that one of our servers prints; sets url.
ours_listening() {
  until_true 30 "$1 listens" grep -q '^listening on ' "$at/$1.out"
  url=$(sed -n 's/^listening on \(http:[^ ]*\).*/\1/p' "$at/$1.out")
}

# make_log NAME ORIGIN [KEYFILE]: a log of ours that accepts opaque records, with its key (or this one) in
# $at/NAME/log.key; sets log_vkey. Its policy is written by log_policy.
make_log() {
  local dir=$at/$1 keep=() alone=""
  mkdir -p "$dir"
  [ $# -lt 3 ] || { cp "$3" "$dir/log.key" && keep=(--keep-key); }
  # A key that comes from elsewhere comes alone.
  [ $# -lt 3 ] || ! our ishibumi-log --help | grep -q add-key || alone='key_file_ml_dsa_44 = "none"'
  our ishibumi-log token >"$dir/token.txt"
  sed -n 's/^token  *//p' "$dir/token.txt" >"$dir/bearer"
  openssl req -x509 -newkey ed25519 -nodes -keyout "$dir/ca.key" -out "$dir/ca.crt" -days 2 -subj "/CN=unused" 2>/dev/null
  cat >"$dir/log.toml" <<TOML
origin = "$2"
data_dir = "data"
head_dir = "heads"
key_file = "log.key"
$alone
policy_file = "policy.txt"
listen = "127.0.0.1:0"
admin_listen = "127.0.0.1:0"

[sequencing]
quorum_deadline_ms = 20000

[lab]
accept_opaque = true

[[provider]]
id = "interop"
anchors = ["ca.crt"]
kinds = ["opaque"]
token_sha256 = ["$(sed -n 's/^token_sha256  *//p' "$dir/token.txt")"]
TOML
  our ishibumi-log --config "$dir/log.toml" init "${keep[@]}" >"$dir/init.out"
  log_vkey=$(ed25519 <"$dir/init.out")
}

# log_policy NAME VKEY URL [...]: the policy of a log of ours: all of these witnesses.
log_policy() {
  local name=$1 file=$at/$1/policy.txt names=() n=0
  shift
  # All of the log's keys: it signs every checkpoint with each of them.
  grep -oE '[^ +]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+$' "$at/$name/init.out" | sed 's/^/log /' >"$file"
  while [ $# -gt 0 ]; do
    n=$((n + 1))
    names+=("w$n")
    echo "witness w$n $1 $2" >>"$file"
    shift 2
  done
  printf 'group everybody all %s\nquorum everybody\n' "${names[*]}" >>"$file"
}

# serve_log NAME: sets log_url.
serve_log() {
  started "$1" "$ours/ishibumi-log" --config "$at/$1/log.toml" serve
  ours_listening "$1"
  log_url=$url
}

# submit NAME TEXT STEM: one opaque record; the proof in STEM.tlog-proof, its leaf hash in STEM.leaf.
# True only if the answer is a proof with the quorum.
submit() {
  local status
  printf '%s' "$2" >"$3.entry"
  status=$(curl -s --max-time 30 -o "$3.tlog-proof" -D "$3.headers" -w '%{http_code}' --data-binary "@$3.entry" \
    -H "Authorization: Bearer $(cat "$at/$1/bearer")" -H 'Content-Type: application/octet-stream' "$log_url/v1/submit")
  tr -d '\r' <"$3.headers" | sed -n 's/^[Ii]shibumi-[Ll]eaf: //p' >"$3.leaf"
  [ "$status" = 200 ] && return
  echo "submit answered $status"
  cat "$3.tlog-proof"
  # Why the quorum is missing is in the log's metrics.
  curl -s "$(sed -n 's/.*(admin \(http:[^)]*\)).*/\1/p' "$at/$1.out")/metrics" | grep -i '^[a-z_]*witness'
  return 1
}

# submit_many NAME FROM TO: opaque records of five digits in one batch, so that tiles fill.
submit_many() {
  local n
  for ((n = $2; n < $3; n++)); do printf '\xff\x00\x00\x00\x05%05d' "$n"; done >"$at/batch"
  [ "$(curl -s --max-time 30 -o "$at/batch.json" -w '%{http_code}' --data-binary "@$at/batch" \
    -H "Authorization: Bearer $(cat "$at/$1/bearer")" -H 'Content-Type: application/vnd.ishibumi.batch' \
    "$log_url/v1/submit")" = 200 ]
}

# make_witness NAME KEYNAME: sets witness_vkey.
make_witness() {
  our ishibumi-witness init --dir "$at/$1" --name "$2" >"$at/$1.keys"
  witness_vkey=$(ed25519 <"$at/$1.keys")
}

# make_log_key NAME FILE: a log key for the log of others, which all write alike; prints the vkey.
make_log_key() { our ishibumi keygen --kind log --name "$1" --out "$2"; }

# watch NAME VKEY: our witness watches a log.
watch() { our ishibumi-witness add-log --dir "$at/$1" --vkey "$2"; }

# serve_witness NAME: sets witness_url.
serve_witness() {
  started "$1" "$ours/ishibumi-witness" serve --dir "$at/$1" --listen 127.0.0.1:0
  ours_listening "$1"
  witness_url=$url
}

# make_mirror NAME KEYNAME VKEY [URL]: our mirror of one log; sets mirror_vkey, mirror_url, and copy_url, where
# the copy of the log is. With a URL it pulls the log from there.
make_mirror() {
  our ishibumi-witness mirror init --dir "$at/$1" --name "$2" >"$at/$1.keys"
  mirror_vkey=$(ed25519 <"$at/$1.keys")
  our ishibumi-witness mirror add-log --dir "$at/$1" --vkey "$3" ${4:+--url "$4"}
  started "$1" "$ours/ishibumi-witness" mirror serve --dir "$at/$1" --listen 127.0.0.1:0 --pull-interval 1
  ours_listening "$1"
  mirror_url=$url copy_url=$url/$(origin_hash "${3%%+*}")
}

origin_hash() { printf '%s' "$1" | sha256sum | cut -d' ' -f1; }

# size_is URL SIZE: whether the checkpoint there has this size. has_line URL TEXT: or this line.
size_is() { [ "$(curl -sf "$1/checkpoint" | sed -n 2p)" = "$2" ]; }
has_line() { curl -sf "$1/checkpoint" | grep -q -- "$2"; }

# copy_log URL DIR: a static copy of a tlog-tiles log, below 65,536 entries.
copy_log() {
  local url=$1 dir=$2 size level=0 count full part path
  mkdir -p "$dir"
  curl -sf "$url/checkpoint" -o "$dir/checkpoint"
  size=$(sed -n 2p "$dir/checkpoint")
  count=$size
  while :; do
    full=$((count / 256)) part=$((count % 256))
    for path in $(for ((n = 0; n < full; n++)); do printf '%03d ' "$n"; done) $([ $part = 0 ] || printf '%03d.p/%d' "$full" "$part"); do
      for kind in "$level" $([ $level = 0 ] && echo entries); do
        mkdir -p "$(dirname "$dir/tile/$kind/$path")"
        curl -sf "$url/tile/$kind/$path" -o "$dir/tile/$kind/$path"
      done
    done
    count=$full level=$((level + 1))
    [ $count -gt 0 ] || break
  done
}

# damage FILE OFFSET: turns every bit of one octet.
damage() {
  python3 - "$1" "$2" <<'PY'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(int(sys.argv[2]))
    octet = file.read(1)[0]
    file.seek(int(sys.argv[2]))
    file.write(bytes([octet ^ 0xff]))
PY
}
