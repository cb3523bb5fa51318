# openssl ARGUMENTS...: OpenSSL without the progress that it writes to standard error; what it said is shown when
# it fails, and only then. Sourced.
openssl() {
  local said
  { said=$(command openssl "$@" 2>&1 >&3); } 3>&1 && return
  printf '%s: openssl %s failed\n%s\n' "${0##*/}" "$*" "$said" >&2
  return 1
}
