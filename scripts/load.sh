#!/usr/bin/env bash
# The floors of docs/performance.md, measured: a log and three witnesses (2-of-3) with the released
# binaries on loopback, the load beside them on the same machine, every answer durable.
#
#   scripts/load.sh [--seconds N] [--tokens DIR] [--bin DIR] [--keep] [--records N] [SCENARIO...]
#
#   --seconds N    how long each scenario submits (default 8)
#   --tokens DIR   folder of `tokens`, filled up as needed and kept (default: target/load-tokens)
#   --bin DIR      use the binaries there (default: build them)
#   --keep         leave the working folder with configuration, reports and data
#   --records N    records of grow (default 5000000)
#   SCENARIO       batches, singles, tokens, quorum (default: these four), or grow: a log that is filled over
#                  HTTP, with a line for each million records
#
# Prints MET or MISSED and does not judge: what is slow here may be a busy machine, see the column
# "others". Exit codes: 0 measured, 1 a sampled proof did not verify or a server died, 2 usage, 3 missing.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"
seconds=8 tokens="" bin="" keep=no records=5000000 scenarios=()
usage() { echo "load.sh: $*; see --help" >&2; exit 2; }
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) [[ ${2:-} =~ ^[1-9][0-9]?$ ]] || usage "--seconds wants 1 to 99"; seconds=$2; shift 2 ;;
    --tokens) [ -n "${2:-}" ] || usage "--tokens wants a folder"; tokens=$2; shift 2 ;;
    --bin) [ -x "${2:-}/load" ] || usage "--bin wants a folder with load in it"; bin=$(realpath "$2"); shift 2 ;;
    --keep) keep=yes; shift ;;
    --records) [[ ${2:-} =~ ^[1-9][0-9]{0,9}$ ]] || usage "--records wants a number"; records=$2; shift 2 ;;
    -h | --help) sed -n '2,18s/^# \{0,1\}//p' "$0"; exit 0 ;;
    batches | singles | tokens | quorum | grow) scenarios+=("$1"); shift ;;
    *) usage "unknown word $1" ;;
  esac
done
[ ${#scenarios[@]} -gt 0 ] || scenarios=(batches singles tokens quorum)

target=${CARGO_TARGET_DIR:-$here/target}
if [ -z "$bin" ]; then
  ./scripts/install.sh
  . scripts/env.sh
  cargo build --release --workspace --bins
  bin=$target/release
fi
tokens=${tokens:-$target/load-tokens}
# Every scenario's log has the TSA for its anchor; only one sends tokens, which take a while to make.
case " ${scenarios[*]} " in *" tokens "*) count=$((seconds * 3000)) ;; *) count=1 ;; esac
"$bin/tokens" --out "$tokens" --count "$count"

dir=$(mktemp -d)
pids=()
stop_all() {
  [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
  [ ${#pids[@]} -eq 0 ] || wait "${pids[@]}" 2>/dev/null || true
  pids=()
}
clean_up() {
  stop_all
  if [ "$keep" = yes ]; then echo "kept: $dir"; else rm -rf "$dir"; fi
}
trap clean_up EXIT

. scripts/listening.sh

# start_all DIR: a fresh log and fresh witnesses; sets url and charged.
start_all() {
  local at=$1 vkey key n command keys address
  mkdir -p "$at"
  "$bin/ishibumi-log" token >"$at/token.txt"
  sed -n 's/^token  *//p' "$at/token.txt" >"$at/bearer"
  cat >"$at/log.toml" <<TOML
origin = "log.example/load"
data_dir = "data"
head_dir = "heads"
key_file = "log.key"
policy_file = "policy.txt"
listen = "127.0.0.1:0"
admin_listen = "127.0.0.1:0"

[lab]
accept_opaque = true

[[provider]]
id = "load"
anchors = ["$(realpath "$tokens")/tsa/ca.crt"]
kinds = ["opaque", "timestamp-token"]
token_sha256 = ["$(sed -n 's/^token_sha256  *//p' "$at/token.txt")"]
TOML
  "$bin/ishibumi-log" --config "$at/log.toml" init >"$at/init.txt"
  grep '^log ' "$at/init.txt" >"$at/vkeys.txt"
  cp "$at/vkeys.txt" "$at/policy.txt"
  witness_pids=()
  for n in 1 2 3; do
    command=add-log
    mapfile -t keys < <("$bin/ishibumi-witness" init --dir "$at/w$n" --name "witness$n.example")
    while read -r _ vkey; do
      "$bin/ishibumi-witness" "$command" --dir "$at/w$n" --vkey "$vkey" >/dev/null
      command=add-log-key
    done <"$at/vkeys.txt"
    "$bin/ishibumi-witness" serve --dir "$at/w$n" --listen 127.0.0.1:0 >"$at/w$n.out" 2>&1 &
    witness_pids+=($!)
    pids+=($!)
    address=$(listening "$at/w$n.out" $!)
    for key in "${!keys[@]}"; do
      echo "witness w$n-$key ${keys[$key]} $address" >>"$at/policy.txt"
    done
    echo "group w$n any $(printf "w$n-%s " "${!keys[@]}")" >>"$at/policy.txt"
  done
  printf 'group two-of-three 2 w1 w2 w3\nquorum two-of-three\n' >>"$at/policy.txt"
  "$bin/ishibumi-log" --config "$at/log.toml" serve >"$at/log.out" 2>&1 &
  log_pid=$!
  pids+=("$log_pid")
  url=$(listening "$at/log.out" "$log_pid")
}

# number FILE KEY: the first number under a key of a report.
number() { sed -n "s/^ *\"$2\": \([0-9.e+-]*\),*\$/\1/p" "$1" | head -n 1; }

cpu_seconds() {
  local sum=0 pid fields
  for pid in "$@"; do
    read -r -a fields < <(sed 's/.*) //' "/proc/$pid/stat")
    sum=$((sum + fields[11] + fields[12]))
  done
  awk "BEGIN { print $sum / 100 }"
}

rows=() met=0 failed=0
for scenario in "${scenarios[@]}"; do
  if [ "$scenario" = grow ]; then
    at=$dir/grow
    start_all "$at"
    "$bin/grow" --log "$url" --token-file "$at/bearer" --server-pid "$log_pid" --dir "$at/data" \
      --records "$records" --csv "$dir/grow.csv" || failed=$((failed + 1))
    kill -0 "$log_pid" || { cat "$at/log.out" >&2; failed=$((failed + 1)); }
    stop_all
    met=$((met + 1))
    continue
  fi
  case $scenario in
    batches) name="batches of 500, durable" floor=20000 unit="records/s"
      how=(--clients 8 --batch 500) ;;
    singles) name="singles, durable" floor=3000 unit="records/s"
      how=(--clients 64) ;;
    tokens) name="RSA-2048 tokens, verified, durable" floor=2000 unit="records/s"
      how=(--clients 32 --kind tokens --tokens "$tokens/tokens" --anchors "$tokens/tsa/ca.crt") ;;
    quorum) name="quorum-cosigned proofs at 500/s" floor=300 unit="ms p99"
      how=(--clients 256 --rate 500 --wait quorum) ;;
  esac
  at=$dir/$scenario report=$dir/$scenario.json
  start_all "$at"
  before=$(cpu_seconds "${witness_pids[@]}")
  "$bin/load" --log "$url" --token-file "$at/bearer" --policy "$at/policy.txt" --server-pid "$log_pid" \
    --seconds "$seconds" --json "${how[@]}" >"$report" || failed=$((failed + 1))
  witnesses=$(awk "BEGIN { print $(cpu_seconds "${witness_pids[@]}") - $before }")
  kill -0 "$log_pid" || { cat "$at/log.out" >&2; failed=$((failed + 1)); }
  stop_all

  rate=$(number "$report" records_per_second) p99=$(number "$report" p99_ms)
  refused=$(($(number "$report" refused) + $(number "$report" broken)))
  if [ "$scenario" = quorum ]; then measured=$p99 below=$p99 above=$floor; else measured=$rate below=$floor above=$rate; fi
  verdict=MISSED
  awk "BEGIN { exit !($below <= $above) }" && [ "$refused" = 0 ] && verdict=MET && met=$((met + 1))
  rows+=("$(printf '%-36s %9s %10.0f %-9s %-6s %8.0f %8.1f %8.1f %8.1f %8.0f %6.0f %6.1f %6.1f %7s %6s' "$name" "$floor" \
    "$measured" "$unit" "$verdict" "$rate" "$(number "$report" p50_ms)" "$p99" "$(number "$report" p999_ms)" \
    "$(number "$report" server_cpu_us_per_record)" "$(number "$report" server_resident_peak_mib)" \
    "$witnesses" "$(number "$report" others_cpu_seconds)" "$(number "$report" proofs_verified)" "$refused")")
  [ "$failed" = 0 ] || cat "$report"
done

printf '\n%-36s %9s %10s %-9s %-6s %8s %8s %8s %8s %8s %6s %6s %6s %7s %6s\n' "scenario ($seconds s each)" floor measured "" "" \
  "rec/s" "p50 ms" "p99 ms" "p99.9 ms" "us/rec" "MiB" "wit s" "others" "proofs" "ref."
[ ${#rows[@]} -eq 0 ] || printf '%s\n' "${rows[@]}"
printf '\nus/rec, MiB: CPU time a record and peak memory of the log. wit s: CPU seconds of all three witnesses.\n'
printf 'others: CPU seconds that anything but log and load used meanwhile, witnesses included. proofs: sampled and verified.\n'
echo "load: $met of ${#scenarios[@]} floors met on $(nproc) cores at commit $(git rev-parse --short HEAD)$(git diff --quiet HEAD -- || echo ', changed'); $failed failures"
[ "$failed" = 0 ]
