# shellcheck shell=bash disable=SC1091
# Sourced by the other scripts: where Debian put RocksDB and libclang, so that the binding links
# against the system's library instead of compiling RocksDB from source (docs/decisions/0002).
# Sets nothing where the packages are missing; `scripts/install.sh` brings them.

if [ -z "${ROCKSDB_LIB_DIR:-}" ]; then
  for _lib in /usr/lib/*/librocksdb.so /usr/lib/librocksdb.so; do
    [ -e "$_lib" ] && ROCKSDB_LIB_DIR=$(dirname "$_lib") && export ROCKSDB_LIB_DIR && break
  done
fi
if [ -n "${ROCKSDB_LIB_DIR:-}" ] && [ -z "${ROCKSDB_INCLUDE_DIR:-}" ] && [ -d /usr/include/rocksdb ]; then
  export ROCKSDB_INCLUDE_DIR=/usr/include
fi
if [ -z "${LIBCLANG_PATH:-}" ]; then
  for _lib in /usr/lib/llvm-*/lib/libclang-*.so.1 /usr/lib/llvm-*/lib/libclang.so.1; do
    [ -e "$_lib" ] && LIBCLANG_PATH=$(dirname "$_lib") && export LIBCLANG_PATH && break
  done
fi
unset _lib
[ -f "${HOME:-}/.cargo/env" ] && . "${HOME:-}/.cargo/env"
true
