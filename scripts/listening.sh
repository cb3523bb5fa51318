# listening FILE PID: waits for the address that a server prints into FILE. Sourced.
listening() {
  local url
  for _ in $(seq 400); do
    url=$(sed -n 's/^listening on \(http:[^ ]*\).*/\1/p' "$1" 2>/dev/null || true)
    [ -n "$url" ] && { echo "$url"; return; }
    kill -0 "$2" 2>/dev/null || break
    sleep 0.05
  done
  cat "$1" >&2
  exit 1
}
