# shellcheck shell=bash
# What the suites beside cargo share. Sourced by tests/*/run.

have() { command -v "$1" >/dev/null 2>&1; }

# leave_out WHAT…: names what is missing and ends the suite; that is a failure where ENTRAWATCH_TESTS_REQUIRE=1.
leave_out() {
  printf 'left out: %s\n' "$@"
  if [ "${ENTRAWATCH_TESTS_REQUIRE:-0}" = 1 ]; then
    echo "0 passed, 1 failed"
    exit 1
  fi
  echo "0 passed, 0 failed"
  exit
}
