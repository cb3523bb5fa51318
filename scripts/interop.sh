#!/usr/bin/env bash
# Our log, witness, mirror and client together with the programs of others: each row is a real run.
#
#   scripts/interop.sh [--only NAME]... [--dir DIR] [--bin DIR] [--keep] [--list]
#
#   --only NAME  this row alone; may be given several times
#   --dir DIR    where the others' programs are installed and re-used (default: target/interop)
#   --bin DIR    use our programs there (default: build them)
#   --keep       leave the rows' working folders, also of those that passed
#   --list       print the names of the rows
#
# A row is PASS, FAIL, or SKIPPED with its reason. "checks" are things that worked, "refusals" things that
# had to be refused and were. docs/interop.md keeps the table, and what was seen to deviate from C2SP.
#
# Exit codes: 0 no row failed, 1 some did, 2 usage, 3 Go or another tool is missing.
# shellcheck disable=SC2154
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"
peers_dir=$here/target/interop ours="" keep=no only=() list=no
usage() { echo "interop.sh: $*; see --help" >&2; exit 2; }
while [ $# -gt 0 ]; do
  case $1 in
    --only) [ -n "${2:-}" ] || usage "--only wants the name of a row"; only+=("$2"); shift 2 ;;
    --dir) [ -n "${2:-}" ] || usage "--dir wants a folder"; mkdir -p "$2"; peers_dir=$(realpath "$2"); shift 2 ;;
    --bin) [ -x "${2:-}/ishibumi" ] || usage "--bin wants a folder with ishibumi in it"; ours=$(realpath "$2"); shift 2 ;;
    --keep) keep=yes; shift ;;
    --list) list=yes; shift ;;
    -h | --help) sed -n '2,15s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) usage "unknown option $1" ;;
  esac
done

for part in peers ours rows-log rows-witness rows-mirror rows-proof; do
  # shellcheck source=/dev/null
  . "scripts/interop/$part.sh"
done

# NAME and what is run, in the order of the table.
rows=(
  "litewitness|our log, cosigned by litewitness (torchwood)"
  "omniwitness|our log, cosigned by omniwitness"
  "sunlight|our log, cosigned by Sunlight's witness"
  "sunlight_main|our log, cosigned by Sunlight's witness (main)"
  "sigsum_witness|our log, cosigned by sigsum-witness"
  "fsck|our log, read by Tessera's fsck"
  "torchwood_reads|our log and our proofs, checked by torchwood"
  "tessera_oneshot|our witness cosigns a Tessera log"
  "sigsum_log|our witness cosigns a Sigsum log"
  "our_probe|our witness refuses what C2SP wants refused"
  "log_lists|our witness reads a logs/v0 list"
  "litebastion|our witness behind litebastion"
  "tessera_feeds|our mirror, fed by Tessera's mirror client"
  "fsck_mirror|our mirror, read by Tessera's fsck"
  "feeds_tessera|our log feeds Tessera's mirror"
  "feeds_sunlight|our log feeds Sunlight's mirror"
  "audit_tessera|our audit over a Tessera log"
  "verify_others|our verify over proofs that torchwood made"
)
if [ $list = yes ]; then
  printf '%s\n' "${rows[@]%%|*}"
  exit 0
fi
for name in "${only[@]}"; do
  printf '%s\n' "${rows[@]%%|*}" | grep -qx "$name" || usage "no row is called $name"
done

for tool in go curl openssl python3 ssh-agent; do
  command -v "$tool" >/dev/null && continue
  echo "interop.sh: $tool is missing; the others' programs are installed with Go and run with the rest"
  echo "interop: 0 rows run; $tool is missing"
  exit 3
done
if [ -z "$ours" ]; then
  . scripts/env.sh
  echo "building ours"
  cargo build --quiet --release --bins -p ishibumi-cli -p ishibumi-log -p ishibumi-witness
  ours=${CARGO_TARGET_DIR:-$here/target}/release
fi
install_peers "$peers_dir"
install_own "$peers_dir" "$here/scripts/interop"

work=$(mktemp -d)
clean_up() {
  [ $keep = no ] || return 0
  # Sunlight, run by root, makes its tiles immutable.
  if [ "$(id -u)" = 0 ]; then chattr -R -f -i "$work" || true; fi
  rm -rf "$work"
}
trap clean_up EXIT

# --- What a row says -------------------------------------------------------------------------------------

# check WHAT COMMAND...: has to succeed.
check() {
  local what=$1
  shift
  if "$@" >"$at/check.out" 2>&1; then
    echo "ok: $what" | tee -a "$at/checks"
    cat "$at/check.out"
  else
    echo "FAILED: $what" | tee "$at/why"
    cat "$at/check.out"
    return 1
  fi
}

# refused WHAT REASON COMMAND...: a negative control. Has to fail, and for this reason: an extended regular
# expression that its output matches.
refused() {
  local what=$1 reason=$2 code=0
  shift 2
  "$@" >"$at/check.out" 2>&1 || code=$?
  # 124 is that of a command that had to be stopped, from 126 on it never ran or died of a signal.
  if [ $code = 0 ] || [ $code -ge 124 ]; then
    echo "NOT REFUSED: $what (exit $code)" | tee "$at/why"
    cat "$at/check.out"
    return 1
  fi
  if ! grep -qiE -- "$reason" "$at/check.out"; then
    echo "REFUSED, but not for $reason: $what" | tee "$at/why"
    cat "$at/check.out"
    return 1
  fi
  echo "refused, exit $code: $what" | tee -a "$at/refusals"
  cat "$at/check.out"
}

# deviations TEXT: where the other program leaves C2SP without harm to the row.
deviations() { [ -z "$1" ] || printf '%s\n' "$1" >>"$at/deviations"; }

skip() {
  echo "$1" >"$at/why"
  exit 77
}

# feature BINARY WORD WHAT: skips the row if our program does not know a word of its help yet.
feature() {
  "$ours/$1" "${@:4}" --help 2>&1 | grep -q -- "$2" || skip "ours lacks it: $3"
}

verify() { "$peers_dir/bin/interop-verify" "$@"; }

# --- The run ---------------------------------------------------------------------------------------------

stop_all() {
  [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
  [ ${#pids[@]} -eq 0 ] || wait "${pids[@]}" 2>/dev/null || true
}
count() { if [ -e "$1" ]; then wc -l <"$1"; else echo 0; fi; }

table=() passed=0 failed=0 skipped=0 checks=0 refusals=0
for row in "${rows[@]}"; do
  name=${row%%|*} what=${row#*|}
  [ ${#only[@]} -eq 0 ] || printf '%s\n' "${only[@]}" | grep -qx "$name" || continue
  at=$work/$name
  mkdir -p "$at"
  code=0
  # Not in a condition, or `set -e` would not hold inside.
  set +e
  (
    set -euo pipefail
    pids=()
    trap stop_all EXIT
    "row_$name"
  ) >"$at/row.log" 2>&1 </dev/null
  code=$?
  set -e
  why=$(head -n 1 "$at/why" 2>/dev/null || true)
  case $code in
    0) verdict=PASS passed=$((passed + 1)) why="" ;;
    77) verdict=SKIPPED skipped=$((skipped + 1)) ;;
    *) verdict=FAIL failed=$((failed + 1)) keep=yes why="${why:-exit $code}; see $at/row.log" ;;
  esac
  done_checks=$(count "$at/checks") done_refusals=$(count "$at/refusals")
  checks=$((checks + done_checks)) refusals=$((refusals + done_refusals))
  table+=("$(printf '%-7s %-48s %2d checks %2d refusals  %s' "$verdict" "$what" "$done_checks" "$done_refusals" "$why")")
  echo "${table[-1]}"
  [ ! -s "$at/deviations" ] || sed 's/^/          seen: /' "$at/deviations"
done

printf '\nprograms of others:\n'
for peer in "${peers[@]}"; do
  [ ! -x "$peers_dir/bin/${peer%% *}" ] || printf '  %-20s %s\n' "${peer%% *}" "$(version_of "${peer%% *}")"
done
printf '\n'
printf '%s\n' "${table[@]}"
[ $keep = no ] || echo "kept: $work"
echo "interop: $passed rows passed, $failed failed, $skipped skipped; $checks checks, $refusals refusals"
[ $failed = 0 ]
