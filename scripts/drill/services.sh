# Logs, witnesses and mirrors as processes on loopback. Sourced by continuity-drill.sh; wants $private, $bin.

pids=()
declare -A pid_of address_of

stop_all() {
  [ ${#pids[@]} -eq 0 ] || kill -9 "${pids[@]}" 2>/dev/null || true
  [ ${#pids[@]} -eq 0 ] || wait "${pids[@]}" 2>/dev/null || true
  pids=()
}

# start NAME COMMAND...: runs it in the background and learns its address.
start() {
  local name=$1
  shift
  "$@" >"$private/$name.out" 2>&1 &
  pids+=($!)
  pid_of[$name]=$!
  address_of[$name]=$(listening "$private/$name.out" $!)
}

# stop NAME [SIGNAL]
stop() {
  kill -s "${2:-TERM}" "${pid_of[$1]}"
  wait "${pid_of[$1]}" 2>/dev/null || true
}

# cosigner KIND NAME VKEYFILE: makes a witness or mirror for a log; KIND is "" or "mirror".
cosigner() {
  # shellcheck disable=SC2086 # no kind is no word
  "$bin/ishibumi-witness" $1 init --dir "$private/$2" --name "$2.example" >"$private/$2.vkeys"
  watch "$2" "$(basename "$3" .vkeys)"
}

# configure LOG ORIGIN PROVIDERS...: its folder and configuration, with a bearer token for each provider.
configure() {
  local dir=$private/$1 origin=$2 id
  shift 2
  mkdir -p "$dir"
  cat >"$dir/log.toml" <<TOML
origin = "$origin"
data_dir = "data"
head_dir = "heads"
key_file = "log.key"
policy_file = "policy.txt"
listen = "127.0.0.1:0"
admin_listen = "127.0.0.1:0"
mirrors = [$(for m in $mirrors; do printf '"%s-ed25519", "%s-ml-dsa-44", ' "$m" "$m"; done)]

[sequencing]
quorum_deadline_ms = 60000
TOML
  for id in "$@"; do
    "$bin/ishibumi-log" token >"$dir/$id.token.txt"
    sed -n 's/^token  *//p' "$dir/$id.token.txt" >"$dir/$id.bearer"
    cat >>"$dir/log.toml" <<TOML

[[provider]]
id = "$id"
name = "Provider ${id^^}"
anchors = ["$out/anchors/$id.crt"]
kinds = ["timestamp-token", "certificate", "crl"]
token_sha256 = ["$(sed -n 's/^token_sha256  *//p' "$dir/$id.token.txt")"]
$([ "$id" != a ] || echo 'status = [{ state = "accepted", from = 2026-01-01T00:00:00Z }, { state = "terminating", from = 2026-11-01T00:00:00Z }]')
TOML
  done
}

# watch WITNESS LOG: a witness that does not run follows that log, too.
watch() {
  local command=add-log vkey
  while read -r vkey; do
    "$bin/ishibumi-witness" $command --dir "$private/$1" --vkey "$vkey" >/dev/null
    command=add-log-key
  done <"$private/$2.vkeys"
}

# published LOG RECORDS: whether its checkpoint has more than that many.
published() {
  local size
  size=$(curl -sf "${address_of[$1]}/checkpoint" | sed -n 2p)
  [ "${size:-0}" -gt "$2" ]
}

# policy VKEYFILE: the text of a policy with that log, and the witnesses and mirrors that run: two of the
# three witnesses, and one of the mirrors, which says that it holds everything.
policy() {
  local name key
  sed 's/^/log /' "$1"
  for name in $witnesses $mirrors; do
    mapfile -t keys <"$private/$name.vkeys"
    printf 'witness %s-ed25519 %s %s\n' "$name" "${keys[0]}" "${address_of[$name]}"
    printf 'witness %s-ml-dsa-44 %s %s\n' "$name" "${keys[1]}" "${address_of[$name]}"
    printf 'group %s any %s-ed25519 %s-ml-dsa-44\n' "$name" "$name" "$name"
  done
  printf 'group two-of-three 2 %s\ngroup a-mirror any %s\n' "$witnesses" "$mirrors"
  printf 'group all-of-it all two-of-three a-mirror\nquorum all-of-it\n'
}

# submit LOG PROVIDER OUTFILE FILES...: proofs are thrown away, since relying parties come to a mirror later.
submit() {
  local log=$1 id=$2 said=$3
  shift 3
  mkdir -p "$private/thrown-away"
  printf '%s\0' "$@" | xargs -0 -n 2000 "$bin/ishibumi" submit --log "${address_of[$log]}" --jobs 64 \
    --token-file "$private/$log/$id.bearer" --out "$private/thrown-away" >>"$said"
  rm -r "$private/thrown-away"
}

# follow MIRROR LOG: the mirror copies that log from now on, at the address that it had.
follow() {
  local name=$1 vkeys vkey
  mapfile -t vkeys <"$private/$2.vkeys"
  "$bin/ishibumi-witness" mirror add-log --dir "$private/$name" --vkey "${vkeys[0]}" \
    --url "${address_of[$2]}" --policy "$private/$2/policy.txt" >/dev/null
  for vkey in "${vkeys[@]:1}"; do
    "$bin/ishibumi-witness" mirror add-log-key --dir "$private/$name" --vkey "$vkey" >/dev/null
  done
  start "$name" "$bin/ishibumi-witness" mirror serve --dir "$private/$name" --pull-interval 1 \
    --listen "${address_of[$name]#http://}"
}

# wait_for WHAT COMMAND...
wait_for() {
  local what=$1
  shift
  for _ in $(seq 300); do
    "$@" && return
    sleep 0.2
  done
  echo "continuity-drill.sh: waited in vain for $what" >&2
  exit 1
}

# mirrored: whether the first mirror has everything that the log published.
mirrored() {
  local list
  [ "$(curl -sf "$mirror/checkpoint" | sed -n 2p)" = "$size" ] || return 1
  curl -sf "$mirror/checkpoints?from=$size" | grep -q "\b$size\b" || return 1
  for list in "$out"/lists/*.crl; do
    curl -sf -o /dev/null "$mirror/blob/$(sha256sum <"$list" | cut -d' ' -f1)" || return 1
  done
}
