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
unchecked=()
# Said where it happens, and once more on the last line.
skip() { unchecked+=("$1"); echo "SKIPPED: $1"; }

step "formatting"
cargo fmt --all --check

step "lints"
cargo clippy --release --workspace --all-targets -- -D warnings

step "the library without system, for wasm32"
wasm=wasm32-unknown-unknown
if [ -d "$(rustc --print sysroot)/lib/rustlib/$wasm" ] || rustup target add "$wasm"; then
  cargo check --release -p ishibumi --features audit --target "$wasm" --target-dir target/wasm
else
  skip "the library for $wasm (rustup target add $wasm failed)"
fi

step "documentation"
RUSTDOCFLAGS=-Dwarnings cargo doc --release --quiet --workspace --no-deps

step "packages"
# Not built from there: that would compile everything once more. What they include is a test (tests/rooms).
cargo package --quiet --workspace --exclude ishibumi-tests --exclude ishibumi-benches --no-verify --allow-dirty --offline

# Tools of the checkout's own where the machine has none, so that nothing else on it changes.
PATH=$PWD/target/tools/bin:$PATH

step "what an update of a release may change"
release=$(git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || true)
if [ -z "$release" ]; then
  skip "compatibility with the last release (nothing is released yet: there is no tag v*)"
elif command -v cargo-semver-checks >/dev/null ||
  cargo install --quiet cargo-semver-checks --locked --root target/tools; then
  cargo semver-checks --workspace --baseline-rev "$release"
else
  skip "compatibility with $release (cargo install cargo-semver-checks --locked failed)"
fi

step "licences, bans and sources"
if command -v cargo-deny >/dev/null || cargo install --quiet cargo-deny --locked --root target/tools; then
  cargo deny check licenses bans sources
  if cargo deny fetch db >/dev/null 2>&1; then
    cargo deny check advisories
  else
    skip "known advisories (their database cannot be fetched here)"
  fi
else
  skip "licences, bans, sources and advisories (cargo install cargo-deny --locked failed)"
fi

said=target/test-output.txt
if [ "${1:-}" = quick ]; then
  step "unit tests"
  cargo test --release --workspace --lib | tee "$said"
else
  step "binaries"
  cargo build --release --workspace --bins
  step "tests"
  cargo test --release --workspace | tee "$said"
fi
passed=$(awk '/^test result: ok/ { passed += $4 } END { print passed + 0 }' "$said")
step "done"
if [ ${#unchecked[@]} -eq 0 ]; then
  echo "$passed tests passed; everything was checked"
else
  list=$(printf '%s; ' "${unchecked[@]}")
  echo "$passed tests passed; NOT CHECKED: ${list%; }"
fi
