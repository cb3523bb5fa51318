# What is expected of each class of artifacts, held against what was judged. Sourced by continuity-drill.sh.

rows=() wrong=0 judged=0

# row CLASS COUNT EXPECTED ACTUAL
row() {
  local mark="as expected"
  judged=$((judged + $2))
  [ "$3" = "$4" ] || { wrong=$((wrong + 1)) mark="NOT AS EXPECTED"; }
  rows+=("$(printf '%-50s  %6s  %-32s  %-32s  %s' "$1" "$2" "$3" "$4" "$mark")")
}

# class CLASS PATTERN EXPECTED COUNT: the verdicts of `evidence verify` about artifacts with such names. All
# of them have to be the expected one, and there have to be that many.
class() {
  local actual
  actual=$(awk -v pattern="^${2//\*/.*}\$" -v count="$4" '
    # A line of the table: verdict, time, name, perhaps the document.
    /^TOTAL-PASSED / && $3 ~ pattern { seen["TOTAL-PASSED"]++ }
    # What is not proven is explained below the table: "NAME: VERDICT, REASON".
    /^[^ ]+: (TOTAL-FAILED|INDETERMINATE)/ {
      name = $1; sub(/:$/, "", name)
      if (name ~ pattern) { sub(/^[^ ]+: /, ""); seen[$0]++ }
    }
    END {
      for (verdict in seen) { kinds++; said = verdict; total += seen[verdict] }
      if (kinds == 1 && total == count) print said
      else { for (verdict in seen) printf "%d x %s; ", seen[verdict], verdict; print total + 0 " in all" }
    }' "$private/verify.out")
  row "$1" "$4" "$3" "$actual"
}

# ended CLASS EXIT SOURCE: how `report provider a` ends, from the log or the mirror.
ended() {
  local code=0 from=${address_of[log]}
  [ "$3" = log ] || from=$mirror
  "$bin/ishibumi" report provider a --lang en --from "$from" --policy "$out/policy.txt" \
    --anchors "$out/anchors" >"$private/report-$3.out" 2>&1 || code=$?
  row "$1" 1 "exit $2" "exit $code"
}

# audited CLASS EXIT WORDS COMMAND...: how an audit ends, and what it has to say.
audited() {
  local class=$1 expected="exit $2, $3" code=0 said=""
  local words=$3
  shift 3
  "$@" >"$private/chain.out" 2>&1 || code=$?
  grep -q "$words" "$private/chain.out" && said=$words
  row "$class" 1 "$expected" "exit $code, $said"
}

# link CLASS WORDS: what `evidence verify` says about the succession.
link() {
  local said
  said=$(grep -c "^succession: .*$2" "$private/verify.out" || true)
  row "$1" 1 "$2" "$([ "$said" = 1 ] && echo "$2" || echo "$said lines")"
}

# unlogged CLASS COUNT: tokens that no log holds get no proof from anywhere.
unlogged() {
  local actual
  # The line of each file; what to do stands below it.
  actual=$(grep -c '^[^ ].*\(not among the\|holds no such record\|unknown-leaf\|no record\)' "$private/get-unlogged.out" || true)
  [ "$(find "$out/unlogged" -name '*.tlog-proof' | wc -l)" = 0 ] || actual="proofs exist"
  row "$1" "$2" "$2 not held" "$actual not held"
}

# borrowed CLASS EXPECTED COUNT: the same, each with the proof of an honest token of the same unit.
borrowed() {
  local token proof=$out/artifacts/b-document-01.tst.tlog-proof count=0 said actual=""
  for token in "$out"/unlogged/*.tst; do
    said=$("$bin/ishibumi" verify --lang en --policy "$out/policy.txt" --anchors "$out/anchors" \
      --revocation "$out/lists" "$token" "$proof" 2>&1 | grep -om1 'TOTAL-[A-Z]*, [A-Z_]*\|INDETERMINATE, [A-Z_]*' || true)
    [ -n "$actual" ] || actual=$said
    [ "$said" = "$actual" ] && count=$((count + 1))
  done
  [ "$count" = "$3" ] || actual="$count of $3: $actual"
  row "$1" "$3" "$2" "$actual"
}

# table: the rows, and the summary as the last line.
table() {
  printf '\n%-50s  %6s  %-32s  %-32s\n' "class" "count" "expected" "actual"
  printf '%s\n' "--------------------------------------------------  ------  --------------------------------  --------------------------------  ---------------"
  printf '%s\n' "${rows[@]}"
  printf '\nevidence: %s\n' "$out/all.evidence.zip"
  if [ "$wrong" -gt 0 ]; then
    echo "continuity drill: FAILED: $wrong of ${#rows[@]} classes were not as expected; see $private"
    exit 1
  fi
  echo "continuity drill: ${#rows[@]} classes with $judged judgements, all as expected, from $size records of a log that is gone; $((SECONDS - started)) s"
}
