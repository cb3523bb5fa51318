# shellcheck shell=bash disable=SC2034,SC2154
# Rows about our witness, as the logs and clients of others meet it.

row_tessera_oneshot() {
  needs tessera-oneshot
  tessera_witnessed
  check "Tessera publishes a checkpoint that our witness cosigned" oneshot log 1 3
  check "it grows" oneshot log 4 300
  check "and grows again" oneshot log 301 303
  check "torchwood finds log and witness in the checkpoint" verify -policy "$at/policy.txt" -checkpoint "$at/log/checkpoint"
  cp "$at/log/checkpoint" "$at/checkpoint"
  refused "a second history under the same key is not published" "no checkpoint" oneshot fork 900 902
  sed '/^— witness/d' "$at/checkpoint" >"$at/lonely"
  refused "the checkpoint without our cosignature" "policy components satisfied" verify -policy "$at/policy.txt" -checkpoint "$at/lonely"
}

# oneshot DIR FROM TO: adds entries to the Tessera log in $at/DIR. Tessera waits for the witness for ever,
# so it is given 20 s; what counts is whether the checkpoint covers the entries.
oneshot() {
  local n before after
  rm -rf "$at/entries"
  mkdir -p "$at/$1" "$at/entries"
  for ((n = $2; n <= $3; n++)); do echo "entry $n" >"$at/entries/$(printf '%05d' "$n")"; done
  before=$(sed -n 2p "$at/$1/checkpoint" 2>/dev/null || echo 0)
  timeout 20 "$peers_dir/bin/tessera-oneshot" --storage_dir "$at/$1" --entries "$at/entries/*" --private_key "$at/tessera.key" \
    --witness_policy_file "$at/witness-policy.txt" --witness_timeout 5s || true
  after=$(sed -n 2p "$at/$1/checkpoint" 2>/dev/null || echo 0)
  [ "$after" = $((before + $3 - $2 + 1)) ] || { echo "no checkpoint over $((before + $3 - $2 + 1)) entries, but over $after"; return 1; }
}

row_our_probe() {
  make_log log log.example/interop
  make_witness witness witness.example/w
  watch witness "$log_vkey"
  watch witness "$(make_log_key first.example/log "$at/first.key")"
  serve_witness witness
  first_contact "$witness_url"
  log_policy log "$witness_vkey" "$witness_url"
  serve_log log
  check "our log is cosigned" submit_many log 0 300
  curl -sf "$log_url/checkpoint" -o "$at/checkpoint"
  refuses_forks "$witness_url"
  # A witness that signs whatever comes, or the probe would prove nothing.
  local port
  port=$(free_port)
  started liar python3 -c '
import http.server, sys
class Liar(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write("— liar.example/w AAAA\n".encode())
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Liar).serve_forever()' "$port"
  until_true 10 "the liar listens" answers "http://127.0.0.1:$port/"
  refused "a witness that signs everything" "^SIGNED .*growth with a forged proof" peer interop-probe \
    -url "http://127.0.0.1:$port" -key "$at/log/log.key" -checkpoint "$at/checkpoint"
  # Of ourselves not one other refusal than C2SP's is accepted.
  [ ! -s "$at/deviations" ] || { echo "our witness deviates" >"$at/why"; return 1; }
}

row_sigsum_log() {
  needs sigsum-log-primary sigsum-mktree sigsum-submit sigsum-verify sigsum-key
  local key=$peers_dir/bin/sigsum-key port origin ours_hex log_hex
  "$key" generate -o "$at/log.key"
  "$key" generate -o "$at/submit.key"
  "$key" generate -o "$at/other.key"
  log_hex=$("$key" to-hex -k "$at/log.key.pub")
  origin=sigsum.org/v1/tree/$("$key" to-hash -k "$at/log.key.pub")
  make_witness witness witness.example/w
  watch witness "$("$key" to-vkey -k "$at/log.key.pub" -n "$origin" -t ed25519)"
  serve_witness witness
  ours_hex=$(python3 -c 'import base64, sys; print(base64.b64decode(sys.argv[1].split("+", 2)[2])[1:].hex())' "$witness_vkey")
  printf 'witness ours %s %s\nquorum ours\n' "$ours_hex" "$witness_url" >"$at/log-policy"
  port=$(free_port)
  peer sigsum-mktree --sth-file="$at/sth"
  started sigsum "$peers_dir/bin/sigsum-log-primary" --backend ephemeral --key-file "$at/log.key" --sth-file "$at/sth" \
    --policy-file "$at/log-policy" --interval 1s --external-endpoint "127.0.0.1:$port" --internal-endpoint "127.0.0.1:$(free_port)"
  until_true 20 "the Sigsum log listens" answers "http://127.0.0.1:$port/"
  printf 'log %s http://127.0.0.1:%s\nwitness ours %s\nquorum ours\n' "$log_hex" "$port" "$ours_hex" >"$at/policy"
  printf 'log %s\nwitness other %s\nquorum other\n' "$log_hex" "$("$key" to-hex -k "$at/other.key.pub")" >"$at/other-policy"
  for n in 1 2 3; do
    echo "message $n" >"$at/message-$n"
    check "sigsum-submit has record $n cosigned by our witness" \
      peer sigsum-submit -k "$at/submit.key" -p "$at/policy" -o "$at/proof-$n" "$at/message-$n"
  done
  check "sigsum-verify takes the proof" sigsum_verify policy proof-3 message-3
  check "our witness serves the Sigsum log's checkpoint" curl -sf "$witness_url/$(printf '%s' "$origin" | sha256sum | cut -d' ' -f1)/checkpoint"
  refused "another message" "failed to verify" sigsum_verify policy proof-3 message-2
  refused "another witness's key in the policy" "failed to verify" sigsum_verify other-policy proof-3 message-3
}

sigsum_verify() { peer sigsum-verify -k "$at/submit.key.pub" -p "$at/$1" "$at/$2" <"$at/$3"; }

# One list, read by us and by the others' witnesses (their rows of our log use the same form).
row_log_lists() {
  feature ishibumi-witness log-list "log lists" serve
  needs tessera-oneshot
  local port other
  tessera_vkey=$(make_log_key tessera.example/log "$at/tessera.key")
  other=$(make_log_key other.example/log "$at/other.key")
  mkdir -p "$at/lists"
  printf '# A list in the form of witness-network.org\nlogs/v0\n\nvkey %s\nqpd 86400\ncontact nobody@tessera.example\n\nvkey %s\norigin other.example/log\n' \
    "$tessera_vkey" "$other" >"$at/lists/logs.txt"
  port=$(free_port)
  started lists python3 -m http.server --bind 127.0.0.1 --directory "$at/lists" "$port"
  until_true 10 "the list is served" answers "http://127.0.0.1:$port/logs.txt"
  make_witness witness witness.example/w
  check "our witness adds the logs of a list by its URL" our ishibumi-witness add-logs --dir "$at/witness" --from "http://127.0.0.1:$port/logs.txt"
  check "both are there" test 2 = "$(our ishibumi-witness logs --dir "$at/witness" | grep -c 'example/log')"
  if [ -x "$peers_dir/bin/witnessctl" ]; then
    check "witnessctl pulls the same list" peer witnessctl pull-logs -db "$at/lite.db" -source "$at/lists/logs.txt" -verbose
    check "and lists the same logs" test 2 = "$(peer witnessctl list-logs -db "$at/lite.db" | grep -c 'example/log')"
  fi
  serve_witness witness
  printf 'witness w1 %s %s\nquorum w1\n' "$witness_vkey" "$witness_url" >"$at/witness-policy.txt"
  check "and cosigns for a Tessera log of that list" oneshot log 1 3
  stop_all
  printf 'logs/v0\nvkey %s\n' "$(make_log_key tessera.example/log "$at/changed.key")" >"$at/lists/changed.txt"
  refused "a list that changes a key" "key" our ishibumi-witness add-logs --dir "$at/witness" --from "$at/lists/changed.txt"
  printf 'logs/v1\nvkey %s\n' "$other" >"$at/lists/wrong.txt"
  refused "a list of another form" "logs/v0|header|line" our ishibumi-witness add-logs --dir "$at/witness" --from "$at/lists/wrong.txt"
}

row_litebastion() {
  needs litebastion
  feature ishibumi-witness bastion "a bastion client" serve
  local port http hash
  make_log log log.example/interop
  make_witness stranger witness.example/stranger
  make_witness witness witness.example/w
  watch witness "$log_vkey"
  hash=$(our ishibumi-witness bastion-key --dir "$at/witness" | grep -oE '[0-9a-f]{64}' | head -n 1)
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$at/ca.key" -out "$at/ca.crt" -days 2 -subj "/CN=Interop CA" 2>/dev/null
  openssl req -new -newkey rsa:2048 -nodes -keyout "$at/tls.key" -out "$at/tls.csr" -subj "/CN=localhost" 2>/dev/null
  openssl x509 -req -in "$at/tls.csr" -CA "$at/ca.crt" -CAkey "$at/ca.key" -CAcreateserial -days 2 -out "$at/tls.crt" \
    -extfile <(printf 'subjectAltName = DNS:localhost, IP:127.0.0.1\nbasicConstraints = critical,CA:FALSE\n') 2>/dev/null
  echo "$hash" >"$at/backends"
  port=$(free_port) http=$(free_port)
  started bastion "$peers_dir/bin/litebastion" -listen "127.0.0.1:$port" -listen-http "127.0.0.1:$http" -backends "$at/backends" \
    -tls-cert "$at/tls.crt" -tls-key "$at/tls.key"
  until_true 20 "litebastion listens" answers "http://127.0.0.1:$http/"
  started witness "$ours/ishibumi-witness" serve --dir "$at/witness" --listen 127.0.0.1:0 --bastion "localhost:$port" --bastion-ca "$at/ca.crt"
  until_true 30 "litebastion has our witness as a backend" grep -q "accepted new backend connection.*$hash" "$at/bastion.out"
  check "it forwards to our witness, which answers" test 400 = "$(curl -s -m 10 -o "$at/answer" -w '%{http_code}' -d x "http://127.0.0.1:$http/$hash/add-checkpoint")"
  cosigned_by witness.example/w "$witness_vkey" "http://127.0.0.1:$http/$hash"
  started stranger "$ours/ishibumi-witness" serve --dir "$at/stranger" --listen 127.0.0.1:0 --bastion "localhost:$port" --bastion-ca "$at/ca.crt"
  until_true 30 "the stranger is turned away" grep -qi 'bastion' "$at/stranger.out"
  hash=$(our ishibumi-witness bastion-key --dir "$at/stranger" 2>/dev/null | grep -oE '[0-9a-f]{64}' | head -n 1)
  refused "a witness that the bastion does not know is not reached" "502|404|503" \
    curl -sS -f "http://127.0.0.1:$http/${hash:-0000}/add-checkpoint" -d x
}
