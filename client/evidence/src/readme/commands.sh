#: sums
sha256sum --quiet -c META-INF/sha256sums.txt && echo "nothing is damaged"
#: values
mkdir by-hand
ITEM=@ITEM@
DOCUMENT=@DOCUMENT@
PROOF=@PROOF@
INDEX=@INDEX@
TIME=@TIME@
#: certificates
cat META-INF/information/anchors/*.pem > by-hand/anchors.pem
cat by-hand/anchors.pem @CHAIN@ > by-hand/chain.pem
#: token
@UNWRAP@
openssl cms -verify -inform DER -in by-hand/token -binary -purpose timestampsign \
    -CAfile by-hand/anchors.pem -certfile by-hand/chain.pem -attime "$TIME" -signer by-hand/signer.pem -out by-hand/tstinfo
#: token-text
openssl ts -reply -token_in -in by-hand/token -text
#: document
openssl ts -verify -token_in -in by-hand/token -data "$DOCUMENT" \
    -CAfile by-hand/anchors.pem -untrusted by-hand/chain.pem -attime "$TIME"
#: certificate
openssl x509 @FORM@ -in "$ITEM" -out by-hand/certificate.pem
openssl verify -attime "$TIME" -CAfile by-hand/anchors.pem -untrusted by-hand/chain.pem by-hand/certificate.pem
#: record
sed -n "s/^entry $INDEX //p" "$PROOF" | base64 -d > by-hand/record
sha256sum by-hand/record
#: content
u32() { printf %08X "$1" | basenc --base16 -d; }
minus() { # hexadecimal $1 - $2, equally long
    set -- "$1" "$2" 0 ""
    while [ -n "$1" ]; do
        set -- "$1" "$2" $((0x${1#"${1%????????}"} - 0x${2#"${2%????????}"} - $3)) "$4"
        set -- "${1%????????}" "${2%????????}" $(($3 < 0)) "$(printf %08X $(($3 + ($3 < 0) * 0x100000000)))$4"
    done
    echo "$4"
}
lengthen() { set -- "$1" "$2"; while [ ${#1} -lt "$2" ]; do set -- "0$1" "$2"; done; echo "$1"; }
openssl asn1parse -inform DER -in by-hand/token > by-hand/structure
set -- $(sed -n 's/^ *\([0-9]*\):d=5 *hl=\([0-9]*\) *l= *\([0-9]*\) cons: cont \[ 0 \].*/\1 \2 \3/p' by-hand/structure)
{ printf '\061'; tail -c +$(($1 + 2)) by-hand/token | head -c $(($2 + $3 - 1)); } > by-hand/attributes
set -- $(sed -n 's/^ *\([0-9]*\):d=5 *hl=\([0-9]*\) *l= *\([0-9]*\) prim: OCTET STRING.*/\1 \2 \3/p' by-hand/structure | tail -n 1)
tail -c +$(($1 + $2 + 1)) by-hand/token | head -c "$3" > by-hand/value
CURVE=$(openssl x509 -in by-hand/signer.pem -noout -text | sed -n 's/.*ASN1 OID: //p')
case $CURVE in
prime256v1) ORDER=FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551 ;;
secp384r1) ORDER=FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973 ;;
*) ORDER= ;;
esac
if [ -n "$ORDER" ]; then # ECDSA: r and the smaller of s and ORDER - s
    set -- $(openssl asn1parse -inform DER -in by-hand/value | sed -n 's/.*INTEGER *:\([0-9A-F]*\)$/\1/p')
    set -- "$(lengthen "$1" ${#ORDER})" "$(lengthen "$2" ${#ORDER})"
    set -- "$1" "$(printf '%s\n%s\n' "$2" "$(minus "$ORDER" "$2")" | LC_ALL=C sort | head -n 1)"
    printf %s "$1$2" | basenc --base16 -d > by-hand/value
fi
{
    printf 'ishibumi/timestamp-token/v1\000'
    for PART in tstinfo attributes value; do u32 "$(($(wc -c < by-hand/$PART)))"; cat by-hand/$PART; done
} > by-hand/content
[ "$(openssl dgst -sha256 -binary by-hand/content | base64)" = "$(tail -c 32 by-hand/record | base64)" ] \
    && echo "the record is about this token"
#: certificate-record
openssl x509 -in by-hand/certificate.pem -outform DER -out by-hand/certificate.der
[ "$(tail -c "$(wc -c < by-hand/certificate.der)" by-hand/record | sha256sum)" = "$(sha256sum < by-hand/certificate.der)" ] \
    && echo "the record holds this certificate"
#: tree
next_entry() { set -- $(sed -n "${ENTRY}p" by-hand/entries); NEXT=${1:-none}; CONTENT=${2:-}; }
fold() { # FROM TO: writes the hash of the entries FROM to TO-1 to the file by-hand/hash.FROM.TO
    if [ "$NEXT" = none ] || [ "$NEXT" -ge "$2" ]; then
        sed -n "${HASH}p" by-hand/hashes | base64 -d > "by-hand/hash.$1.$2"
        HASH=$((HASH + 1))
    elif [ $(($2 - $1)) -eq 1 ]; then
        { printf '\000'; printf %s "$CONTENT" | base64 -d; } | openssl dgst -sha256 -binary > "by-hand/hash.$1.$2"
        ENTRY=$((ENTRY + 1)); next_entry
    else
        fold "$1" "$(middle "$1" "$2")"
        fold "$(middle "$1" "$2")" "$2"
        { printf '\001'; cat "by-hand/hash.$1.$(middle "$1" "$2")" "by-hand/hash.$(middle "$1" "$2").$2"; } \
            | openssl dgst -sha256 -binary > "by-hand/hash.$1.$2"
    fi
}
middle() { # the largest power of two below the length, from the left
    set -- "$1" "$2" 1
    while [ $(($3 * 2)) -lt $(($2 - $1)) ]; do set -- "$1" "$2" $(($3 * 2)); done
    echo $(($1 + $3))
}
sed '/^$/,$d' "$PROOF" | sed -n 's/^entry //p' > by-hand/entries
sed '/^$/,$d' "$PROOF" | sed '1d;/^entry /d' > by-hand/hashes
sed '1,/^$/d' "$PROOF" | sed '/^$/,$d' > by-hand/checkpoint
SIZE=$(sed -n 2p by-hand/checkpoint) ENTRY=1 HASH=1
next_entry
fold 0 "$SIZE"
[ "$(base64 < "by-hand/hash.0.$SIZE")" = "$(sed -n 3p by-hand/checkpoint)" ] && echo "the record is in the tree of $SIZE"
#: keys
POLICY=@POLICY@
sed -n 's/^log \([^ ]*\).*/\1/p; s/^witness [^ ]* \([^ ]*\).*/\1/p' "$POLICY" > by-hand/keys
#: signatures
sed '1,/^$/d' "$PROOF" | sed '1,/^$/d' > by-hand/signatures
while read -r VKEY; do
    NAME=${VKEY%%+*} ID=${VKEY#*+} ID=${ID%%+*} KEY=${VKEY#*+} KEY=${KEY#*+}
    TYPE=$(printf %s "$KEY" | base64 -d | head -c 1 | od -An -tx1 | tr -d ' ')
    { printf '\060\052\060\005\006\003\053\145\160\003\041\000'; printf %s "$KEY" | base64 -d | tail -c +2; } > by-hand/key.der
    while read -r DASH WHO SIGNATURE; do
        printf %s "$SIGNATURE" | base64 -d > by-hand/blob
        FOUND=$(head -c 4 by-hand/blob | od -An -tx1 | tr -d ' ')
        [ "$WHO $FOUND" = "$NAME $ID" ] || continue
        tail -c 64 by-hand/blob > by-hand/signature
        case $TYPE in
        01) WHEN=; cat by-hand/checkpoint > by-hand/message ;;
        04) WHEN=$((0x$(tail -c +5 by-hand/blob | head -c 8 | od -An -tx1 | tr -d ' ')))
            { printf 'cosignature/v1\ntime %s\n' "$WHEN"; cat by-hand/checkpoint; } > by-hand/message ;;
        *) echo "$NAME: another kind of signature"; continue ;;
        esac
        openssl pkeyutl -verify -pubin -keyform DER -inkey by-hand/key.der \
            -rawin -in by-hand/message -sigfile by-hand/signature > by-hand/said || { echo "$NAME: FALSE"; continue; }
        echo "$NAME signed the checkpoint${WHEN:+ at $(date -u -d "@$WHEN" +%Y-%m-%dT%H:%M:%SZ)}"
    done < by-hand/signatures
done < by-hand/keys
