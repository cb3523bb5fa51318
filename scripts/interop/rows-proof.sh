# shellcheck shell=bash
# Rows about proofs and whole logs, checked across implementations.

row_torchwood_reads() {
  make_log log log.example/interop
  make_witness witness witness.example/w
  watch witness "$log_vkey"
  serve_witness witness
  log_policy log "$witness_vkey" "$witness_url"
  serve_log log
  local policy=$at/log/policy.txt stem=$at/record other
  check "600 records are logged" submit_many log 0 600
  check "one more, with its proof" submit log "the record" "$stem"
  check "torchwood's VerifyProof under our policy file" verify -policy "$policy" -proof "$stem.tlog-proof" -leaf "$(cat "$stem.leaf")"
  check "torchwood's client reads every entry against the checkpoint" "$peers_dir/bin/interop-prove" -url "$log_url" -policy "$policy"
  check "and makes a proof of the same record from our tiles" "$peers_dir/bin/interop-prove" -url "$log_url" \
    -policy "$policy" -index "$(sed -n 's/^index //p' "$stem.tlog-proof")" -entry "$stem.read" -proof "$stem.made"
  check "which verifies for the record itself" verify -policy "$policy" -proof "$stem.made" -entry "$stem.read"
  check "whose leaf hash is the one that we said" verify -policy "$policy" -proof "$stem.tlog-proof" -entry "$stem.read"

  awk 'NR == 3 { $0 = (substr($0, 1, 1) == "A" ? "B" : "A") substr($0, 2) } { print }' "$stem.tlog-proof" >"$stem.tampered"
  refused "another hash in the proof" "inclusion proof verification failed" verify -policy "$policy" -proof "$stem.tampered" -leaf "$(cat "$stem.leaf")"
  refused "another leaf" "inclusion proof verification failed" verify -policy "$policy" -proof "$stem.tlog-proof" -entry "$stem.entry"
  other=$("$ours/ishibumi" keygen --kind witness --name witness.example/w --out "$at/other.key")
  sed "s|^\(witness w1 \)[^ ]*|\1$other|" "$policy" >"$at/other-witness.txt"
  refused "another witness's key in the policy" "policy components satisfied" \
    verify -policy "$at/other-witness.txt" -proof "$stem.tlog-proof" -leaf "$(cat "$stem.leaf")"
  other=$("$ours/ishibumi" keygen --kind log --name log.example/interop --out "$at/other-log.key")
  sed "s|^log .*|log $other|" "$policy" >"$at/other-log.txt"
  refused "another log's key in the policy" "policy components satisfied" \
    verify -policy "$at/other-log.txt" -proof "$stem.tlog-proof" -leaf "$(cat "$stem.leaf")"
  { echo "log $("$ours/ishibumi" keygen --kind log --name second.example/log --out "$at/second.key")"; cat "$policy"; } >"$at/two-logs.txt"
  if ! verify -policy "$at/two-logs.txt" -proof "$stem.tlog-proof" -leaf "$(cat "$stem.leaf")"; then
    deviations "torchwood's ParsePolicy wants every log of a policy to have signed (C2SP: any one)"
  fi
}

row_audit_tessera() { needs tessera-posix; feature ishibumi any-entries "audit --any-entries" audit; skip "not written yet"; }
row_verify_others() { feature ishibumi " proof" "proof verify"; skip "not written yet"; }
