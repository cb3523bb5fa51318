# shellcheck shell=bash disable=SC2034,SC2154
# Rows about our log: cosigned by the witnesses of others, read and checked by the tools of others.

# cosigned_by PEER VKEY URL: our log, with this witness as its whole quorum. The log is in $at/log, made
# by make_log, and the witness knows its key.
cosigned_by() {
  log_policy log "$2" "$3"
  serve_log log
  check "a record is answered with a cosigned proof" submit log "first" "$at/first"
  check "growth over a tile's edge is cosigned" submit_many log 0 300
  check "and growth after that" submit log "last" "$at/last"
  check "torchwood verifies the proof under our policy" \
    verify -policy "$at/log/policy.txt" -proof "$at/last.tlog-proof" -leaf "$(cat "$at/last.leaf")"
  check "our audit replays the log under that quorum" \
    our ishibumi audit "$log_url" --policy "$at/log/policy.txt"
  curl -sf "$log_url/checkpoint" -o "$at/checkpoint"
  refuses_forks "$3"
  refused "a checkpoint without the cosignature" "policy components satisfied" verify -policy "$at/log/policy.txt" -checkpoint <(grep -v "^— $1" "$at/checkpoint")
  log_refuses_to_fork
}

# refuses_forks URL: what a witness may never sign, with the key of the log in $at/log.
refuses_forks() {
  check "it signs no fork, rollback or forged growth" peer interop-probe -url "$1" \
    -key "$at/log/log.key" -checkpoint "$at/checkpoint"
  deviations "$(grep -E '^(DEVIATES|LENIENT|SIGNED)' "$at/check.out" || true)"
}

# first_contact URL: what a witness has to refuse of a log that it knows, $at/first.key, and never cosigned.
first_contact() {
  check "first contact: no answer is wrong beyond leniency" peer interop-probe -url "$1" -key "$at/first.key" -first
  deviations "$(grep -E '^(DEVIATES|LENIENT|SIGNED)' "$at/check.out" || true)"
}

# Our log with its key and without its past: the witness knows more, so it must not start.
log_refuses_to_fork() {
  local dir=$at/forked
  mkdir -p "$dir"
  cp "$at/log/log.toml" "$at/log/policy.txt" "$at/log"/log.key* "$at/log/ca.crt" "$dir"
  our ishibumi-log --config "$dir/log.toml" init --keep-key >/dev/null
  refused "our log starts no second history under this witness" "cosigned|witness" \
    timeout 60 "$ours/ishibumi-log" --config "$dir/log.toml" serve
}

row_litewitness() {
  needs litewitness
  local port key
  make_log log log.example/interop
  ssh-keygen -q -t ed25519 -N '' -C '' -f "$at/key"
  # A socket's path is short, so it is relative to the row's folder.
  cd "$at" || return
  started agent ssh-agent -D -a agent.sock
  until_true 10 "the agent listens" test -S agent.sock
  SSH_AUTH_SOCK=$at/agent.sock ssh-add -q key
  lite_add_log "$at/lite.db" log.example/interop "$log_vkey"
  lite_add_log "$at/lite.db" first.example/log "$(make_log_key first.example/log "$at/first.key")"
  port=$(free_port)
  key=$(ssh-keygen -lf key.pub | cut -d' ' -f2)
  started lite "$peers_dir/bin/litewitness" -db lite.db -name lite.example/w -key "$key" -ssh-agent agent.sock -listen "127.0.0.1:$port"
  until_true 20 "litewitness listens" answers "http://127.0.0.1:$port/"
  first_contact "http://127.0.0.1:$port"
  cosigned_by lite.example/w "$(sed -n 's/.*vkey=\([^ ]*\).*/\1/p' lite.out | tr -d '"' | head -n 1)" "http://127.0.0.1:$port"
}

# lite_add_log DB ORIGIN VKEY: with witnessctl, or where that is not to be had with its two statements.
lite_add_log() {
  if [ -x "$peers_dir/bin/witnessctl" ]; then
    peer witnessctl add-log -db "$1" -origin "$2"
    peer witnessctl add-key -db "$1" -origin "$2" -key "$3"
  else
    python3 - "$1" "$2" "$3" <<'PY'
import base64, hashlib, sqlite3, sys
path, origin, key = sys.argv[1:]
with sqlite3.connect(path) as db:
    db.execute("CREATE TABLE IF NOT EXISTS log (origin TEXT PRIMARY KEY, tree_size INTEGER NOT NULL, tree_hash TEXT NOT NULL)")
    db.execute("CREATE TABLE IF NOT EXISTS key (origin TEXT NOT NULL, key TEXT NOT NULL, FOREIGN KEY(origin) REFERENCES log(origin))")
    empty = base64.b64encode(hashlib.sha256().digest()).decode()
    db.execute("INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)", (origin, empty))
    db.execute("INSERT INTO key (origin, key) VALUES (?, ?)", (origin, key))
PY
  fi
}

row_omniwitness() {
  needs omniwitness
  local port key
  make_log log log.example/interop
  key=$(make_log_key omni.example/w "$at/omni.key")
  printf 'Logs:\n  - Origin: log.example/interop\n    URL: http://127.0.0.1:1/\n    PublicKey: %s\n' "$log_vkey" >"$at/logs.yaml"
  printf '  - Origin: first.example/log\n    URL: http://127.0.0.1:1/\n    PublicKey: %s\n' \
    "$(make_log_key first.example/log "$at/first.key")" >>"$at/logs.yaml"
  port=$(free_port)
  started omni "$peers_dir/bin/omniwitness" --listen "127.0.0.1:$port" --metrics_listen "" --db_file "$at/omni.db" \
    --private_key_path "$at/omni.key" --additional_logs "$at/logs.yaml"
  until_true 20 "omniwitness listens" answers "http://127.0.0.1:$port/"
  first_contact "http://127.0.0.1:$port"
  cosigned_by omni.example/w "$(as_cosigner "$key")" "http://127.0.0.1:$port"
}

# as_cosigner VKEY: the cosigning key (type 4) of a checkpoint-signing one (type 1), as omniwitness makes it.
as_cosigner() {
  python3 - "$1" <<'PY'
import base64, hashlib, sys
name, _, key = sys.argv[1].split("+", 2)
public = b"\x04" + base64.b64decode(key)[1:]
key_id = hashlib.sha256(name.encode() + b"\n" + public).hexdigest()[:8]
print(f"{name}+{key_id}+{base64.b64encode(public).decode()}")
PY
}

row_sunlight() { sunlight_witness sunlight; }
row_sunlight_main() { sunlight_witness sunlight-main; }

sunlight_witness() {
  needs "$1"
  make_log log log.example/interop
  serve_sunlight "$1" "$log_vkey"
  first_contact "$sunlight_url"
  cosigned_by sun.example/w "$(sunlight_key)" "$sunlight_url"
}

# serve_sunlight PEER VKEY: a witness, and a mirror where there is one, for this log; sets sunlight_url. It
# takes its logs from a logs/v0 list only, and wants to be called https.
serve_sunlight() {
  local port lists
  mkdir -p "$at/lists"
  printf 'logs/v0\nvkey %s\nvkey %s\n' "$2" "$(make_log_key first.example/log "$at/first.key")" >"$at/lists/logs.txt"
  lists=$(free_port)
  started lists python3 -m http.server --bind 127.0.0.1 --directory "$at/lists" "$lists"
  until_true 10 "the log list is served" answers "http://127.0.0.1:$lists/logs.txt"
  python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute("CREATE TABLE checkpoints (logID BLOB PRIMARY KEY, body BLOB NOT NULL) STRICT")' "$at/sun.db"
  head -c 32 /dev/urandom >"$at/sun.seed"
  port=$(free_port)
  cat >"$at/sun.yaml" <<YAML
listen: ["127.0.0.1:$port"]
checkpoints: $at/sun.db
witness:
  name: sun.example/w
  submissionprefix: https://127.0.0.1/w
  monitoringprefix: https://127.0.0.1/monitoring
  secret: $at/sun.seed
  loglists: ["http://127.0.0.1:$lists/logs.txt"]
  localdirectory: $at/sun.data
  mirrorname: sun.example/m
  mirrorloglists: ["http://127.0.0.1:$lists/logs.txt"]
YAML
  # It ends at once if it runs no CT log, so it runs an empty one.
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$at/root.key" -out "$at/root.crt" -days 2 -subj "/CN=No CA" 2>/dev/null
  cat >>"$at/sun.yaml" <<YAML
logs:
  - shortname: empty
    inception: $(date -u +%F)
    submissionprefix: https://127.0.0.1/ct
    monitoringprefix: https://127.0.0.1/ct-monitoring
    roots: $at/root.crt
    secret: $at/sun.seed
    cache: $at/sun.cache
    localdirectory: $at/sun.ct
    notafterstart: $(date -u +%FT00:00:00Z)
    notafterlimit: $(date -u -d '+1 year' +%FT00:00:00Z)
YAML
  # The tagged version knows no mirror, and reads lists by HTTP alone; the newer one from HTTPS and files.
  if [ "$1" = sunlight ]; then
    sed -i '/^  monitoringprefix\|^  localdirectory\|^  mirror/d' "$at/sun.yaml"
  else
    sed -i "s|http://127.0.0.1:$lists|$at/lists|" "$at/sun.yaml"
  fi
  started sun "$peers_dir/bin/$1" -c "$at/sun.yaml"
  sunlight_port=$port sunlight_url=http://127.0.0.1:$port/w
  until_true 20 "Sunlight listens" answers "http://127.0.0.1:$port/health"
  until_true 20 "Sunlight has pulled the list" grep -q 'log.example/interop' "$at/sun.out"
}

# sunlight_keys: what Sunlight says of its keys, for programs where it does, and on its page for people.
sunlight_keys() {
  curl -sf "$sunlight_url/witness.v0.json" "$sunlight_url/mirror/mirror.v0.json" "http://127.0.0.1:$sunlight_port/" |
    grep -oE "sun\.example/$1\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+"
}
sunlight_key() { sunlight_keys w | ed25519; }

# A Sigsum log's origin is the hash of its key, so the key comes first.
row_sigsum_witness() {
  needs sigsum-witness sigsum-key
  local port origin name
  openssl genpkey -algorithm ed25519 -outform DER -out "$at/seed.der"
  openssl pkey -inform DER -in "$at/seed.der" -pubout -outform DER -out "$at/public.der"
  origin=$(sigsum_style_key "$at/seed.der" "$at/public.der" "$at/log.key" "$at/log.hex")
  make_log log "$origin" "$at/log.key"
  peer sigsum-key generate -o "$at/witness.key"
  peer sigsum-key from-hex -k "$at/log.hex" -o "$at/log.pub"
  port=$(free_port)
  started sigsum "$peers_dir/bin/sigsum-witness" -k "$at/witness.key" --log-key "$at/log.pub" --state-file "$at/state" "127.0.0.1:$port"
  until_true 20 "sigsum-witness listens" answers "http://127.0.0.1:$port/"
  name=sigsum.org/v1/witness/$(peer sigsum-key to-hash -k "$at/witness.key.pub")
  cosigned_by "$name" "$(peer sigsum-key to-vkey -k "$at/witness.key.pub" -n "$name" -t cosignature/v1)" "http://127.0.0.1:$port"
}

# sigsum_style_key SEED_DER PUBLIC_DER KEY_OUT HEX_OUT: a log key whose name is Sigsum's; prints the name.
sigsum_style_key() {
  python3 - "$@" <<'PY'
import base64, hashlib, sys
seed, public = (open(path, "rb").read()[-32:] for path in sys.argv[1:3])
name = "sigsum.org/v1/tree/" + hashlib.sha256(public).hexdigest()
key_id = hashlib.sha256(name.encode() + b"\n\x01" + public).hexdigest()[:8]
open(sys.argv[3], "w").write(f"PRIVATE+KEY+{name}+{key_id}+{base64.b64encode(bytes([1]) + seed).decode()}\n")
open(sys.argv[4], "w").write(public.hex() + "\n")
print(name)
PY
}

row_fsck() {
  needs tessera-fsck-1.0.4
  local fsck
  make_log log log.example/interop
  make_witness witness witness.example/w
  watch witness "$log_vkey"
  serve_witness witness
  log_policy log "$witness_vkey" "$witness_url"
  serve_log log
  check "600 records are logged" submit_many log 0 600
  echo "$log_vkey" >"$at/log.vkey"
  make_log_key log.example/interop "$at/other.key" >"$at/other.vkey"
  copy_log "$log_url" "$at/copy"
  cp -r "$at/copy" "$at/entry" && damage "$at/entry/tile/entries/001" 10
  cp -r "$at/copy" "$at/hash" && damage "$at/hash/tile/0/000" 100
  cp -r "$at/copy" "$at/head" && sed -i '2s/.*/599/' "$at/head/checkpoint"
  for fsck in tessera-fsck tessera-fsck-1.0.4; do
    [ -x "$peers_dir/bin/$fsck" ] || continue
    check "$fsck finds the log in order, over HTTP" fsck_of $fsck "$at/log.vkey" "$log_url/"
    check "$fsck finds its copy in order, from files" fsck_of $fsck "$at/log.vkey" "file://$at/copy/"
    refused "$fsck: one octet of an entry bundle" "fsck failed" fsck_of $fsck "$at/log.vkey" "file://$at/entry/"
    refused "$fsck: one octet of a tile" "fsck failed" fsck_of $fsck "$at/log.vkey" "file://$at/hash/"
    refused "$fsck: another size in the checkpoint" "fsck failed" fsck_of $fsck "$at/log.vkey" "file://$at/head/"
    refused "$fsck: another key" "fsck failed" fsck_of $fsck "$at/other.vkey" "$log_url/"
  done
}

# fsck_of PROGRAM KEYFILE URL: an exit code that can be believed. v1.0.4 exits 0 whatever it found, and both can
# wait for ever for a worker that has given up: neither is a verdict of "in order".
fsck_of() {
  local code=0
  timeout 20 "$peers_dir/bin/$1" --public_key "$2" --ui=false --storage_url "$3" || code=$?
  if [ $code = 124 ]; then
    deviations "$1 hangs on what is damaged in $(basename "$3"), and had to be stopped"
    echo "fsck failed: stopped after 20 s"
    return 1
  fi
  if [ $code = 0 ] && ! grep -q "Successfully fsck'd" "$at/check.out"; then
    deviations "$1 exits 0 although it found an error in $(basename "$3"): its output was read instead"
    echo "fsck failed: it says so, and exits 0"
    return 1
  fi
  return $code
}
