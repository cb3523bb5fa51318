# shellcheck shell=bash disable=SC2034,SC2154
# The other implementations: which, at which version, and how they come to $peers_bin. Sourced.

# The one place where versions are pinned. A newer Go than the machine's comes from the module proxy.
export GOTOOLCHAIN=go1.27.3
torchwood=filippo.io/torchwood@v0.10.0
sunlight=filippo.io/sunlight@v0.8.1
# Witness and mirror of Sunlight that are in no tag yet: 2026-07-11.
sunlight_main=filippo.io/sunlight@v0.8.2-0.20260711180829-ed0bc38779ae
omniwitness=github.com/transparency-dev/witness@v0.0.0-20260720115447-2e1c6971d19e
tessera=github.com/transparency-dev/tessera@v1.0.4
# fsck's exit code, the mirror and the mirror client are in no tag yet: 2026-08-21.
tessera_main=github.com/transparency-dev/tessera@v1.0.5-0.20260821100830-1811ae1a7c40
sigsum=sigsum.org/sigsum-go@v0.14.1
sigsum_log=sigsum.org/log-go@v0.9.0

# NAME MODULE@VERSION PACKAGE, in the order of need.
peers=(
  "litewitness $torchwood cmd/litewitness"
  "witnessctl $torchwood cmd/witnessctl"
  "litebastion $torchwood cmd/litebastion"
  "omniwitness $omniwitness cmd/omniwitness"
  "sunlight $sunlight cmd/sunlight"
  "sunlight-main $sunlight_main cmd/sunlight"
  "tessera-oneshot $tessera cmd/examples/posix-oneshot"
  "tessera-posix $tessera cmd/conformance/posix"
  "tessera-fsck-1.0.4 $tessera cmd/fsck"
  "tessera-fsck $tessera_main cmd/fsck"
  "tessera-posix-main $tessera_main cmd/conformance/posix"
  "tessera-mirror $tessera_main cmd/mtc/mirror/posix"
  "sigsum-key $sigsum cmd/sigsum-key"
  "sigsum-submit $sigsum cmd/sigsum-submit"
  "sigsum-verify $sigsum cmd/sigsum-verify"
  "sigsum-witness $sigsum cmd/sigsum-witness"
  "sigsum-log-primary $sigsum_log cmd/sigsum-log-primary"
  "sigsum-mktree $sigsum_log cmd/sigsum-mktree"
)

# install_peers DIR: builds what DIR/bin lacks, one after the other. What is there is used as it is. What
# the module proxy refuses is written down and not asked for again (remove DIR/refused to ask again).
install_peers() {
  local dir=$1 peer name module package build
  mkdir -p "$dir/bin" "$dir/refused"
  for peer in "${peers[@]}"; do
    read -r name module package <<<"$peer"
    [ -x "$dir/bin/$name" ] && continue
    # A refused module takes its other programs with it.
    [ -e "$dir/refused/${module//\//_}" ] || [ -e "$dir/refused/$name" ] && continue
    echo "installing $name (${module%@*} ${module#*@})"
    build=$dir/build/$name
    rm -rf "$build"
    mkdir -p "$build"
    # A module of one requirement: like `go install PACKAGE@VERSION`, which asks for more than it needs.
    printf 'module interop.example/%s\n\ngo 1.27\n\nrequire %s %s\n' "$name" "${module%@*}" "${module#*@}" >"$build/go.mod"
    if ! (cd "$build" && GOFLAGS="-p=1 -mod=mod" nice go build -o "$dir/bin/$name" "${module%@*}/$package") \
      >"$build/output" 2>&1; then
      if grep -qF "$module: " "$build/output"; then
        mv "$build/output" "$dir/refused/${module//\//_}"
      else
        mv "$build/output" "$dir/refused/$name"
      fi
    fi
  done
}

# install_own DIR SOURCE: our small programs over torchwood's library.
install_own() {
  local program
  for program in verify prove probe; do
    (cd "$2" && GOFLAGS=-p=1 nice go build -o "$1/bin/interop-$program" "./$program") || return 1
  done
}

# needs PEER...: skips the row if a program is missing, with the first line of what Go said.
needs() {
  local name peer module why
  for name in "$@"; do
    [ -x "$peers_dir/bin/$name" ] && continue
    for peer in "${peers[@]}"; do
      [ "${peer%% *}" = "$name" ] && module=$(cut -d' ' -f2 <<<"$peer")
    done
    why="not installed"
    [ -e "$peers_dir/refused/$name" ] && why="does not build: $(grep -v '^#' "$peers_dir/refused/$name" | head -n 1)"
    [ -e "$peers_dir/refused/${module//\//_}" ] && why="the module proxy does not serve it"
    skip "$name (${module%@*} ${module#*@}): $why"
  done
}

# version_of PEER: MODULE VERSION of a program, from the program itself; or from PROGRAM.version beside it, for
# one that somebody built from a checkout and put there.
version_of() {
  if [ -e "$peers_dir/bin/$1.version" ]; then
    cat "$peers_dir/bin/$1.version"
  else
    go version -m "$peers_dir/bin/$1" 2>/dev/null | awk '$1 == "path" { path = $2 "/" } $1 == "mod" || $1 == "dep" {
      if (index(path, $2 "/") == 1) found = $2 " " $3 } END { print found }'
  fi
}
