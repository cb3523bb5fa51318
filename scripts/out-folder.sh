# shellcheck shell=bash
# Sourced by the scripts that leave a folder behind: it is theirs alone, and git never sees it, whatever
# it is called and wherever in a checkout it lies. Wants a function `usage` that complains and ends.

# claim_folder DIR: makes DIR this script's own, or ends; nothing that somebody else made is touched.
claim_folder() {
  local mark
  mark=.made-by-$(basename "$0")
  # The folder's name goes into OpenSSL's and the log's configuration.
  case $1 in *['"\$#']* | *$'\n'*) usage "--out cannot be a folder with any of \" \\ \$ # in its name" ;; esac
  if [ -e "$1" ] && [ ! -e "$1/$mark" ]; then
    usage "$1 exists and was not made by this script; choose another --out"
  fi
  { mkdir -p "$1" && touch "$1/$mark" && echo '*' >"$1/.gitignore"; } ||
    usage "cannot write to $1; choose another --out"
}

# What a run leaves is listed in .made, each file with its SHA-256. What a log or a witness that runs on changes
# by itself is not: private/log, private/witnesses, private/pids.
_listed() { # DIR
  (cd "$1" && find . ! -type d ! -name ".made-by-$(basename "$0")" ! -path ./.gitignore ! -path './.made*' \
    ! -path './private/log/*' ! -path './private/witnesses/*' ! -path ./private/pids "${@:2}")
}

_sums() { # DIR
  _listed "$1" -type f -print0 | LC_ALL=C sort -z | (cd "$1" && LC_ALL=C xargs -0 -r sha256sum --)
}

# list_folder DIR: writes down what is in a claimed folder, once all of it is there.
list_folder() {
  _sums "$1" >"$1/.made.part" && mv "$1/.made.part" "$1/.made"
}

# is_untouched DIR: whether there is nothing in it that this script did not leave there.
is_untouched() {
  local other
  other=$(_listed "$1" ! -type f && { _sums "$1" 2>&1 || echo unreadable; } |
    LC_ALL=C grep -aFxv -f <(cat "$1/.made" 2>/dev/null) || true)
  [ -z "$other" ]
}

# empty_folder DIR: removes what an earlier run left in a claimed folder. If anything in it was not made by this
# script, or was changed since, all of it is moved to the next free DIR.old-N instead.
empty_folder() {
  local folder=${1%/} number=1
  if is_untouched "$folder"; then
    find "$folder" -mindepth 1 ! -name ".made-by-$(basename "$0")" ! -path "$folder/.gitignore" -delete
    return
  fi
  while [ -e "$folder.old-$number" ] || [ -L "$folder.old-$number" ]; do number=$((number + 1)); done
  mv -T -- "$folder" "$folder.old-$number" || usage "cannot move $folder away; choose another --out"
  echo "$folder holds files that $(basename "$0") did not make, or that were changed since: all of it is now in $folder.old-$number"
  echo "（ご自身で置いたファイル、または変更されたファイルがあるため、$folder 全体を $folder.old-$number に移しました）"
  claim_folder "$folder"
}
