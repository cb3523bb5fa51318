sha256sum --quiet -c sha256sums-* && echo "undamaged"

mkdir by-hand
LC_ALL=C; export LC_ALL
hashes() { # the hashes in a tile, a line each
    od -An -v -tx1 "$1" | tr -d ' \n' | fold -w 64; echo
}
digests() { # the SHA-256 of each line of hexadecimal digits
    rm -rf by-hand/octets; mkdir by-hand/octets
    awk 'BEGIN { for (i = 0; i < 256; i++) octal[sprintf("%02x", i)] = sprintf("%03o", i) }
        { printf "%06d ", NR; for (i = 1; i < length($0); i += 2) printf "\\%s", octal[substr($0, i, 2)]; print "" }' |
    while read -r number octets; do printf "$octets" > by-hand/octets/$number; done
    (cd by-hand/octets && ls | xargs sha256sum) | cut -c 1-64
}
leaves() { # the leaf hashes of an entry bundle: of 00 and each entry
    od -An -v -tx1 "$1" | awk 'BEGIN { for (i = 0; i < 256; i++) value[sprintf("%02x", i)] = i }
        { for (i = 1; i <= NF; i++) {
            if (at == 0) { high = value[$i]; at = 1 }
            else if (at == 1) { left = 256 * high + value[$i]; printf "%s00", n++ ? "\n" : ""; at = left ? 2 : 0 }
            else { printf "%s", $i; if (--left == 0) at = 0 }
        } } END { print "" }' | digests
}
root() { # the root over the hashes in the lines: 01 and two hashes, a last one alone goes up as it is
    cat > by-hand/row
    while [ "$(wc -l < by-hand/row)" -gt 1 ]; do
        awk 'NR % 2 { left = $0; next } { print "01" left $0 }' by-hand/row | digests > by-hand/up
        [ $(($(wc -l < by-hand/row) % 2)) = 0 ] || tail -n 1 by-hand/row >> by-hand/up
        mv by-hand/up by-hand/row
    done
    cat by-hand/row
}
files() { [ ! -d "$1" ] || find "$1" -type f | sort; }
full() { [ ! -d "$1" ] || find "$1" -type f ! -path '*.p/*' | sort; }
partial() { [ ! -d "$1" ] || find "$1" -type f -path '*.p/*' | sort; }
all() { while read -r tile; do hashes "$tile"; done; }
verdict() { if [ "$2" = "$3" ]; then echo "ok     $1"; else echo "FALSE  $1"; fi; }

# 1. The upper tiles make the root that the checkpoint states.
partial tile/0 | all > by-hand/0
(partial tile/1 | all; [ ! -s by-hand/0 ] || root < by-hand/0) > by-hand/1
(files tile/2 | all; [ ! -s by-hand/1 ] || root < by-hand/1) > by-hand/2
verdict checkpoint "$(root < by-hand/2)" "$(sed -n 3p checkpoint | base64 -d | od -An -v -tx1 | tr -d ' \n')"

# 2. The entries of this volume make its tiles of level 0.
files tile/entries | while read -r bundle; do
    verdict "$bundle" "$(leaves "$bundle")" "$(hashes "tile/0/${bundle#tile/entries/}")"
done

# 3. These make its tile of level 1, and this one is in level 2.
level1=$(full tile/1)
[ -n "$level1" ] || level1=$(partial tile/1)
if [ -n "$(full tile/0)" ]; then
    verdict "$level1" "$(full tile/0 | while read -r tile; do hashes "$tile" | root; done)" "$(hashes "$level1")"
fi
for level1 in $(full tile/1); do
    number=$(echo sha256sums-* | sed 's/sha256sums-0*\(.\)/\1/')
    verdict "tile/2" "$(hashes "$level1" | root)" "$(files tile/2 | all | sed -n "$((number + 1))p")"
done

# 4. Revocation lists and responses have the SHA-256 that they are named by.
files blob | while read -r blob; do
    verdict "$blob" "$(sha256sum < "$blob" | cut -c 1-64)" "${blob#blob/}"
done
