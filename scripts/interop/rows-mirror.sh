# shellcheck shell=bash disable=SC2034,SC2154
# Rows about mirrors: ours fed by others, others fed by our log.

# tessera_server PEER POLICY: a Tessera log with this mirror policy, answering POST /add; sets tessera_url.
tessera_server() {
  local port
  mkdir -p "$at/log"
  port=$(free_port)
  started tessera "$peers_dir/bin/$1" --storage_dir "$at/log" --listen "127.0.0.1:$port" --private_key "$at/tessera.key" --mirror_policy "$2"
  tessera_url=http://127.0.0.1:$port
  until_true 20 "Tessera listens" answers "$tessera_url/checkpoint"
}

# add_entries FROM TO: to the Tessera server, several at once so that they share a batch.
add_entries() { seq "$1" "$2" | xargs -P 64 -I{} curl -sf --max-time 60 -o /dev/null -d 'entry {}' "$tessera_url/add"; }

row_tessera_feeds() {
  needs tessera-posix-main
  feature ishibumi-witness mirror "a mirror"
  tessera_vkey=$(make_log_key tessera.example/log "$at/tessera.key")
  make_mirror mirror mirror.example/m "$tessera_vkey"
  printf 'witness m1 %s %s/\nquorum m1\n' "$mirror_vkey" "$mirror_url" >"$at/mirror-policy.txt"
  printf 'log %s\nwitness m1 %s\nquorum m1\n' "$tessera_vkey" "$mirror_vkey" >"$at/policy.txt"
  tessera_server tessera-posix-main "$at/mirror-policy.txt"
  check "Tessera takes 300 entries" add_entries 1 300
  check "Tessera publishes them once our mirror cosigned" until_true 40 "size 300" size_is "$tessera_url" 300
  check "with our mirror's cosignature" has_line "$tessera_url" '^— mirror.example/m '
  check "our copy has them" until_true 10 "size 300" size_is "$copy_url" 300
  check "it takes 300 more, across bundles" add_entries 301 600
  check "and publishes them" until_true 40 "size 600" size_is "$tessera_url" 600
  check "our copy grew with it" until_true 10 "size 600" size_is "$copy_url" 600
  check "torchwood reads every entry of our copy against its checkpoint" \
    peer interop-prove -url "$copy_url" -policy "$at/policy.txt"
  copy_log "$tessera_url" "$at/theirs"
  copy_log "$copy_url" "$at/ours"
  rm "$at/theirs/checkpoint" "$at/ours/checkpoint"
  check "octet by octet the tiles of the log" diff -r "$at/theirs" "$at/ours"
  # Another history under the same key: Tessera does not even start where the mirror refuses its first tree.
  kill "$pid"
  wait "$pid" || true
  refused "our mirror signs no second history" "policy not met" timeout 60 "$peers_dir/bin/tessera-posix-main" \
    --storage_dir "$at/second" --listen "127.0.0.1:$(free_port)" --private_key "$at/tessera.key" --mirror_policy "$at/mirror-policy.txt"
  curl -sf "$copy_url/checkpoint" -o "$at/checkpoint"
  check "nor anything else that C2SP wants refused" peer interop-probe -url "$mirror_url" -key "$at/tessera.key" -checkpoint "$at/checkpoint"
  check "each with the answer that C2SP wants" test 0 = "$(grep -cE '^(DEVIATES|LENIENT)' "$at/row.log")"
  check "and keeps the first history" size_is "$copy_url" 600
}

row_fsck_mirror() {
  feature ishibumi-witness mirror "a mirror"
  needs tessera-fsck-1.0.4
  local fsck=tessera-fsck-1.0.4
  [ -x "$peers_dir/bin/tessera-fsck" ] && fsck=tessera-fsck
  make_log log log.example/interop
  make_witness witness witness.example/w
  watch witness "$log_vkey"
  serve_witness witness
  log_policy log "$witness_vkey" "$witness_url"
  serve_log log
  check "600 records are logged" submit_many log 0 600
  make_mirror mirror mirror.example/m "$log_vkey" "$log_url"
  check "our mirror pulls them" until_true 30 "size 602" size_is "$copy_url" 602
  echo "$log_vkey" >"$at/log.vkey"
  check "$fsck finds the copy in order" fsck_of "$fsck" "$at/log.vkey" "$copy_url/"
  copy_log "$copy_url" "$at/copy" && damage "$at/copy/tile/entries/001" 10
  refused "one octet of its entry bundle" "fsck failed" fsck_of "$fsck" "$at/log.vkey" "file://$at/copy/"
}

# fed_by_us VKEY URL: our log, with this mirror as its whole quorum.
fed_by_us() {
  log_policy log "$1" "$2"
  sed -i '/^admin_listen/a mirrors = ["w1"]' "$at/log/log.toml"
  serve_log log
  check "a record is answered with the mirror's cosignature" submit log "first" "$at/first"
  check "600 more, across bundles" submit_many log 0 600
  check "and one after them" submit log "last" "$at/last"
  check "torchwood verifies the proof under our policy" \
    verify -policy "$at/log/policy.txt" -proof "$at/last.tlog-proof" -leaf "$(cat "$at/last.leaf")"
  curl -sf "$log_url/checkpoint" -o "$at/checkpoint"
  refused "a checkpoint without the mirror's cosignature" "policy components satisfied|no verifiable" verify \
    -policy "$at/log/policy.txt" -checkpoint <(grep -v "^— ${1%%+*} " "$at/checkpoint")
  refuses_forks "$2"
  log_refuses_to_fork
}

row_feeds_tessera() {
  needs tessera-mirror
  feature ishibumi-log "add-key" "feeding mirrors"
  local port
  make_log log log.example/interop
  # The key of a Tessera mirror is ML-DSA-44, in the form in which ours are kept.
  make_witness key tessera.example/mirror
  mirror_key tessera.example/mirror "$at/key" "$at/mirror.key"
  printf 'logs/v0\nvkey %s\n' "$log_vkey" >"$at/logs.txt"
  port=$(free_port)
  started mirror "$peers_dir/bin/tessera-mirror" --storage_dir "$at/mirror" --listen_addr "127.0.0.1:$port" \
    --mirror_cosigner_path "$at/mirror.key" --config_path "$at/logs.txt"
  until_true 20 "the mirror listens" answers "http://127.0.0.1:$port/"
  fed_by_us "$(ml_dsa <"$at/key.keys")" "http://127.0.0.1:$port"
  copy_log "$log_url" "$at/ours"
  cp -r "$at/mirror/public/mirrors/$(origin_hash log.example/interop)" "$at/theirs"
  check "our audit replays the mirror's copy under its own cosignature" \
    our ishibumi audit --policy "$at/log/policy.txt" "$at/theirs"
}

# mirror_key NAME DIR OUT: the ML-DSA-44 private key of a witness of ours, one line.
mirror_key() {
  grep -rhoa "PRIVATE+KEY+$1+[0-9a-f]\{8\}+[A-Za-z0-9+/=]*" "$2" | while read -r key; do
    # The first octet says what kind of key it is.
    if [ "$(cut -d+ -f5- <<<"$key" | base64 -d | head -c 1 | od -An -tu1 | tr -d ' ')" = 6 ]; then printf '%s' "$key" >"$3"; fi
  done
  [ -s "$3" ]
}

row_feeds_sunlight() {
  needs sunlight-main
  feature ishibumi-log "add-key" "feeding mirrors"
  make_log log log.example/interop
  serve_sunlight sunlight-main "$log_vkey"
  fed_by_us "$(sunlight_keys m | ml_dsa)" "$sunlight_url"
  cp -r "$at/sun.data/mirror/$(origin_hash log.example/interop)" "$at/theirs"
  # It keeps bundles compressed, for a server that says so.
  find "$at/theirs/tile/entries" -type f | while read -r bundle; do
    if gzip -dc <"$bundle" >"$bundle.plain" 2>/dev/null; then mv "$bundle.plain" "$bundle"; else rm "$bundle.plain"; fi
  done
  check "our audit replays the mirror's copy under its own cosignature" \
    our ishibumi audit --policy "$at/log/policy.txt" "$at/theirs"
}
