#!/bin/sh
# make check: what can be told without running anything. Each check is one line
# of PASS or FAIL, with what it said where it failed; the last line counts.
set -u

log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0
failed=0

# check NAME COMMAND...
check() {
  name=$1
  shift
  if "$@" >"$log" 2>&1; then
    passed=$((passed + 1))
    echo "PASS $name"
  else
    failed=$((failed + 1))
    echo "FAIL $name"
    cat "$log"
  fi
}

c_files=$(find src spec examples bench -name '*.[ch]' | sort)
own_c_files=$(find src -name '*.[ch]' | sort)
lua_files=$(find lua spec examples tools bench -name '*.lua' 2>/dev/null | sort)

# shellcheck disable=SC2086
{
  check "format" clang-format --dry-run -Werror $c_files
  check "luacheck" luacheck --quiet --no-color $lua_files
  check "compiler warnings" "$MAKE" ${JOBS:-} -s --no-print-directory \
    build native BUILD=build-check EXTRA=-Werror
  check "include direction" "$LUA" tools/includes.lua $own_c_files
  check "sizes" "$LUA" tools/sizes.lua $c_files $lua_files
  check "rockspec" "$LUA" tools/rockspec.lua
  check "mutants" "$LUA" tools/mutants.lua --check
  check "contract" "$MAKE" -s --no-print-directory contract
}

echo "check: $passed passed, $failed failed"
[ "$failed" = 0 ]
