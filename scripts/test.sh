#!/usr/bin/env bash
# Everything that has to hold before a change is pushed. The same here and in CI.
#   scripts/test.sh          all of it
#   scripts/test.sh quick    formatting, lints and unit tests only
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in
  '' | quick) ;;
  *) echo "test.sh: unknown word $1; it is either quick or nothing" >&2; exit 2 ;;
esac
./scripts/install.sh
. scripts/env.sh

step() { printf '\n== %s (%s s)\n' "$1" "$SECONDS"; }
skipped=()
# Said where it happens, and once more at the end.
skip() { skipped+=("SKIPPED: $1"); echo "${skipped[-1]}"; }

step "formatting"
cargo fmt --all --check

step "lints"
cargo clippy --release --workspace --all-targets -- -D warnings

step "the library without system, for wasm32"
wasm=wasm32-unknown-unknown
if [ -d "$(rustc --print sysroot)/lib/rustlib/$wasm" ]; then
  cargo check --release -p ishibumi --no-default-features --target "$wasm" --target-dir target/wasm
else
  skip "the check for $wasm (its target is not installed: rustup target add $wasm)"
fi

step "licences, bans and sources"
if command -v cargo-deny >/dev/null; then
  cargo deny check licenses bans sources
  if cargo deny fetch db >/dev/null 2>&1; then
    cargo deny check advisories
  else
    skip "advisories (the advisory database cannot be fetched here)"
  fi
else
  skip "licences, bans, sources and advisories (cargo-deny is not installed: cargo install cargo-deny --locked)"
fi

if [ "${1:-}" = quick ]; then
  step "unit tests"
  cargo test --release --workspace --lib
else
  step "binaries"
  cargo build --release --workspace --bins
  step "tests"
  cargo test --release --workspace
fi
step "done"
[ ${#skipped[@]} -eq 0 ] || printf '%s\n' "${skipped[@]}"
