# shellcheck shell=bash disable=SC2034,SC2154
# Rows about proofs and whole logs, checked across implementations.

row_torchwood_reads() {
  make_log log log.example/interop
  make_witness witness witness.example/w
  watch witness "$log_vkey"
  serve_witness witness
  local policy=$at/log/policy.txt stem=$at/record other post_quantum
  # With all keys of all parties, Ed25519 and ML-DSA-44: torchwood's policy then wants each to have signed.
  post_quantum=$(ml_dsa <"$at/witness.keys" || true)
  log_policy log "$witness_vkey" "$witness_url" ${post_quantum:+"$post_quantum" "$witness_url"}
  serve_log log
  check "600 records are logged" submit_many log 0 600
  check "one more, with its proof" submit log "the record" "$stem"
  check "torchwood's VerifyProof under our policy file" verify -policy "$policy" -proof "$stem.tlog-proof" -leaf "$(cat "$stem.leaf")"
  check "torchwood's client reads every entry against the checkpoint" peer interop-prove -url "$log_url" -policy "$policy"
  check "and makes a proof of the same record from our tiles" peer interop-prove -url "$log_url" \
    -policy "$policy" -index "$(sed -n 's/^index //p' "$stem.tlog-proof")" -entry "$stem.read" -proof "$stem.made"
  check "which verifies for the record itself" verify -policy "$policy" -proof "$stem.made" -entry "$stem.read"
  check "whose leaf hash is the one that we said" verify -policy "$policy" -proof "$stem.tlog-proof" -entry "$stem.read"

  awk 'NR == 3 { $0 = (substr($0, 1, 1) == "A" ? "B" : "A") substr($0, 2) } { print }' "$stem.tlog-proof" >"$stem.tampered"
  refused "another hash in the proof" "inclusion proof verification failed" verify -policy "$policy" -proof "$stem.tampered" -leaf "$(cat "$stem.leaf")"
  refused "another leaf" "inclusion proof verification failed" verify -policy "$policy" -proof "$stem.tlog-proof" -entry "$stem.entry"
  other=$(our ishibumi keygen --kind witness --name witness.example/w --out "$at/other.key")
  sed "s|^\(witness w1 \)[^ ]*|\1$other|" "$policy" >"$at/other-witness.txt"
  refused "another witness's key in the policy" "policy components satisfied" \
    verify -policy "$at/other-witness.txt" -proof "$stem.tlog-proof" -leaf "$(cat "$stem.leaf")"
  other=$(make_log_key log.example/interop "$at/other-log.key")
  { echo "log $other" && grep -v '^log ' "$policy"; } >"$at/other-log.txt"
  refused "another log's key in the policy" "policy components satisfied" \
    verify -policy "$at/other-log.txt" -proof "$stem.tlog-proof" -leaf "$(cat "$stem.leaf")"
  grep -v '^log ' "$policy" >"$at/no-log.txt"
  refused "a policy without a log" "not checking the checkpoint origin" \
    verify -policy "$at/no-log.txt" -proof "$stem.tlog-proof" -leaf "$(cat "$stem.leaf")"
  { echo "log $(make_log_key second.example/log "$at/second.key")"; cat "$policy"; } >"$at/two-logs.txt"
  if ! verify -policy "$at/two-logs.txt" -proof "$stem.tlog-proof" -leaf "$(cat "$stem.leaf")"; then
    deviations "torchwood's ParsePolicy wants every log of a policy to have signed (C2SP: any one)"
  fi
}

# tessera_log FROM TO: the Tessera log in $at/log, with our witness as its quorum, served over HTTP; sets
# tessera_url. Needs `tessera_witnessed` before it.
tessera_witnessed() {
  local port
  tessera_vkey=$(make_log_key tessera.example/log "$at/tessera.key")
  make_witness witness witness.example/w
  watch witness "$tessera_vkey"
  serve_witness witness
  printf 'witness w1 %s %s\nquorum w1\n' "$witness_vkey" "$witness_url" >"$at/witness-policy.txt"
  printf 'log %s\nwitness w1 %s\nquorum w1\n' "$tessera_vkey" "$witness_vkey" >"$at/policy.txt"
  mkdir -p "$at/log"
  port=$(free_port)
  started files python3 -m http.server --bind 127.0.0.1 --directory "$at/log" "$port"
  tessera_url=http://127.0.0.1:$port
}

row_audit_tessera() {
  needs tessera-oneshot
  feature ishibumi any-entries "audit --any-entries" audit
  tessera_witnessed
  local audit=(our ishibumi audit --any-entries --policy "$at/policy.txt")
  check "Tessera publishes 300 entries" oneshot log 1 300
  check "our audit replays the log over HTTP" "${audit[@]}" --state "$at/state" "$tessera_url"
  check "Tessera adds 300 more" oneshot log 301 600
  check "our audit goes on from there and proves the growth" "${audit[@]}" --state "$at/state" "$tessera_url"
  check "our audit replays the directory" "${audit[@]}" --full "$at/log"
  cp -r "$at/log" "$at/entry" && damage "$at/entry/tile/entries/001" 10
  refused "one octet of an entry bundle" "tile|hash|bundle|entr" "${audit[@]}" "$at/entry"
  cp -r "$at/log" "$at/hash" && damage "$at/hash/tile/0/000" 100
  refused "one octet of a tile" "tile|hash" "${audit[@]}" "$at/hash"
  cp -r "$at/log" "$at/lonely" && sed -i '/^— witness/d' "$at/lonely/checkpoint"
  refused "the checkpoint without our witness" "quorum" "${audit[@]}" "$at/lonely"
  # Another history of the same length, under the same key, with a witness that knows nothing of the first.
  make_witness other witness.example/other
  watch other "$tessera_vkey"
  serve_witness other
  printf 'witness w1 %s %s\nquorum w1\n' "$witness_vkey" "$witness_url" >"$at/witness-policy.txt"
  sed -i "s|^quorum.*|witness w2 $witness_vkey\ngroup any any w1 w2\nquorum any|" "$at/policy.txt"
  check "Tessera publishes another history for another witness" oneshot fork 1001 1600
  check "our audit takes the first history under both" "${audit[@]}" --state "$at/both" "$tessera_url"
  refused "our audit convicts the fork" "fork" "${audit[@]}" --state "$at/both" "$at/fork"
}

row_verify_others() {
  needs tessera-oneshot
  feature ishibumi "proof " "proof verify"
  tessera_witnessed
  check "Tessera publishes 600 entries that our witness cosigned" oneshot log 1 600
  local stem=$at/entry other verify=(our ishibumi proof verify --policy "$at/policy.txt")
  check "torchwood proves entry 400 from Tessera's tiles" peer interop-prove -url "$tessera_url" -policy "$at/policy.txt" \
    -index 400 -entry "$stem" -proof "$stem.tlog-proof"
  check "our verifier takes the proof" "${verify[@]}" --entry "$stem" "$stem.tlog-proof"
  check "torchwood proves it with an extra line" peer interop-prove -url "$tessera_url" -policy "$at/policy.txt" \
    -index 400 -extra "read over" -entry "$stem" -proof "$stem.extra"
  check "our verifier reads over the extra line" "${verify[@]}" --entry "$stem" "$stem.extra"
  echo "entry 402" >"$at/another"
  refused "another entry" "not the entry|hash|inclusion" "${verify[@]}" --entry "$at/another" "$stem.tlog-proof"
  awk 'NR == 3 { $0 = (substr($0, 1, 1) == "A" ? "B" : "A") substr($0, 2) } { print }' "$stem.tlog-proof" >"$stem.tampered"
  refused "another hash in the proof" "not the entry|hash|inclusion" "${verify[@]}" --entry "$stem" "$stem.tampered"
  sed '/^— witness/d' "$stem.tlog-proof" >"$stem.lonely"
  refused "the proof without our witness" "quorum" "${verify[@]}" --entry "$stem" "$stem.lonely"
  other=$(make_log_key tessera.example/log "$at/other.key")
  sed "s|^log .*|log $other|" "$at/policy.txt" >"$at/other-log.txt"
  refused "another log's key in the policy" "log" our ishibumi proof verify --policy "$at/other-log.txt" --entry "$stem" "$stem.tlog-proof"
}
