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

# empty_folder DIR: removes what an earlier run left in a claimed folder.
empty_folder() {
  find "$1" -mindepth 1 ! -name ".made-by-$(basename "$0")" ! -path "$1/.gitignore" -delete
}
