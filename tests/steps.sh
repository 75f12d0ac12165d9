# shellcheck shell=bash
# Named steps, run one after the other, counted, none stopping the next. Sourced by tests/run and .ci/run.

passed=0
failed=0
broken=()
left_out=()

# uncounted NAME COMMAND…: for cargo, which reports its own tests.
uncounted() {
  local name=$1
  shift
  printf '\n== %s\n' "$name"
  "$@" || broken+=("$name")
}

# step NAME COMMAND…: counts as one, or as what its last line says where that is "N passed, N failed".
step() {
  local name=$1 log status last
  shift
  log=$(mktemp)
  printf '\n== %s\n' "$name"
  "$@" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  last=$(tail -n 1 "$log")
  mapfile -t -O ${#left_out[@]} left_out < <(grep '^left out: ' "$log" || true)
  rm -f "$log"
  local good=1 bad=0
  if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    good=${BASH_REMATCH[1]} bad=${BASH_REMATCH[2]}
  elif [ "$status" -ne 0 ]; then
    good=0
  fi
  # A suite that dies after its last good test has failed all the same.
  [ "$status" -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
  passed=$((passed + good))
  failed=$((failed + bad))
  if [ "$bad" -ne 0 ]; then broken+=("$name"); fi
}

# finish: what was left out and what failed, then the count as the last line; the status is the verdict.
finish() {
  printf '\n'
  if [ ${#left_out[@]} -gt 0 ]; then printf '%s\n' "${left_out[@]}" | sort -u; fi
  if [ ${#broken[@]} -gt 0 ]; then
    printf 'failed: %s\n' "${broken[@]}"
  fi
  printf '%d passed, %d failed\n' "$passed" "$failed"
  [ ${#broken[@]} -eq 0 ]
}
