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

# set_aside DIR: moves what an earlier run left in a claimed folder to the next free DIR.old-N. Nothing is deleted:
# somebody may have put files of his own there, and what he took out of it is proven by its policy and anchors.
set_aside() {
  local folder=${1%/} number=1
  [ -n "$(find "$folder" -mindepth 1 ! -name ".made-by-*" ! -path "$folder/.gitignore" -print -quit)" ] || return 0
  while [ -e "$folder.old-$number" ] || [ -L "$folder.old-$number" ]; do number=$((number + 1)); done
  mv -T -- "$folder" "$folder.old-$number" || usage "cannot move $folder away; choose another --out"
  echo "the earlier $folder is now $folder.old-$number; its policy.txt and anchors/ belong to what was proven then. Delete it when you need nothing of it"
  echo "（前回の $folder を $folder.old-$number に移しました。前回の証明の検証には、その policy.txt と anchors/ が必要です。不要になったら削除してください）"
  claim_folder "$folder"
}
