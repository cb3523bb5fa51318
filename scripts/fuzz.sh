#!/bin/sh
# Fuzzes every reader of foreign octets, one target after the other.
#
#   scripts/fuzz.sh [SECONDS PER TARGET, default 60] [TARGET...]
#
# Needs cargo-fuzz (cargo install cargo-fuzz --locked) and a C++ compiler. The instrumentation flags are
# unstable, so stable rustc is told to accept them (RUSTC_BOOTSTRAP); no nightly toolchain is needed. No
# address sanitizer either: unsafe code is forbidden in what is fuzzed, panics, overflows and broken
# promises are what is looked for.
#
# New inputs are kept in fuzz/corpus/, failing ones in fuzz/artifacts/ (both git-ignored). A failing
# input becomes a test before it is fixed.
#
# Exit codes: 0 nothing found, 1 a target failed, 2 usage, 3 cargo-fuzz is missing or the targets do not
# build: nothing was tested.

set -u
cd "$(dirname "$0")/.." || exit 2
. scripts/env.sh

seconds=${1:-60}
case $seconds in
  '' | *[!0-9]* | 0) echo "usage: scripts/fuzz.sh [SECONDS PER TARGET] [TARGET...]" >&2; exit 2 ;;
esac
[ $# -gt 0 ] && shift

if ! cargo fuzz --version >/dev/null 2>&1; then
  echo "!!! NOT FUZZED: cargo-fuzz is missing. Install it: cargo install cargo-fuzz --locked" >&2
  exit 3
fi
export RUSTC_BOOTSTRAP=1
if ! cargo fuzz build --sanitizer none; then
  echo "!!! NOT FUZZED: the targets do not build with $(rustc --version)" >&2
  exit 3
fi

failed=
for target in ${*:-$(cargo fuzz list)}; do
  corpus=fuzz/corpus/$target
  mkdir -p "$corpus"
  seeds=
  [ -d "fuzz/seeds/$target" ] && seeds=fuzz/seeds/$target
  # Real artifacts, where scripts/fetch-corpus.sh has brought them.
  case $target in
    token) real=artifact/corpus/files/tokens ;;
    shape) real="testdata/records artifact/corpus/files/tokens" ;;
    status) real="artifact/corpus/files/crls artifact/corpus/files/ocsp" ;;
    certificate | crl | ocsp) real=$(echo artifact/corpus/files/"$target"*) ;;
    *) real= ;;
  esac
  for folder in $real; do
    [ -d "$folder" ] && seeds="$seeds $folder"
  done
  echo "=== $target: $seconds s"
  # shellcheck disable=SC2086 # no seeds, no word
  cargo fuzz run --sanitizer none "$target" "$corpus" $seeds -- \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -verbosity=0 -print_final_stats=1 ||
    failed="$failed $target"
done

if [ -n "$failed" ]; then
  echo "!!! FAILED:$failed (inputs in fuzz/artifacts/)" >&2
  exit 1
fi
echo "fuzzed $seconds s per target, nothing found"
