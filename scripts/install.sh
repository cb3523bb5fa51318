#!/usr/bin/env bash
# Installs what a fresh Debian 12 lacks for building and running: a C++ toolchain, RocksDB's library,
# libclang for its binding, OpenSSL, and Rust. Asks for nothing that is there already.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(ca-certificates curl g++ git libclang-common-14-dev libclang1-14 librocksdb-dev openssl strace)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  if ! command -v apt-get >/dev/null; then
    echo "install.sh: this is no Debian; install the equivalents of: ${missing[*]}" >&2
    exit 3
  fi
  sudo=""
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "install.sh: become root, or have root install: ${missing[*]}" >&2; exit 3; }
    sudo=sudo
  fi
  echo "installing ${missing[*]}"
  $sudo apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

. scripts/env.sh
wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
have=$(cargo --version 2>/dev/null | sed -n 's/^cargo \([0-9.]*\).*/\1/p')
if [ "$(printf '%s\n%s\n' "$wanted" "${have:-0}" | sort -V | head -n1)" != "$wanted" ]; then
  echo "installing Rust (found ${have:-none}, at least $wanted is needed)"
  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal -c clippy -c rustfmt
fi
