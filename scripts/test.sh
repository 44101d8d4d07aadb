#!/bin/bash
# npm test: build, check, unit tests, and on Linux as root the lab tests on real hosts. Ends with "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.."
passed=0 failed=0

stage() { # NAME COMMAND…: a stage that counts as one test
  local name=$1
  shift
  echo "== $name"
  if "$@"; then passed=$((passed + 1)); else
    failed=$((failed + 1))
    echo "FAILED: $name"
  fi
}

suite() { # NAME ARGUMENTS…: ava, counted by its TAP output
  local name=$1 log
  shift
  log=$(mktemp)
  echo "== $name"
  npx ava --tap "$@" 2>&1 | tee "$log" | grep -vE '^(ok|#|    #|1\.\.|TAP|$)'
  local status=${PIPESTATUS[0]} ok bad
  ok=$(grep -cE '^ok ' "$log")
  bad=$(grep -cE '^not ok ' "$log")
  if [ "$status" != 0 ] && [ "$bad" = 0 ]; then bad=1; fi
  if [ "$status" = 0 ] && [ "$ok" = 0 ]; then bad=1; fi
  passed=$((passed + ok)) failed=$((failed + bad))
  echo "-- $name: $ok passed, $bad failed"
  rm -f "$log"
}

# What the tests use beside Node: shells to run our scripts in, and real tools to compare with. The lab installs its own.
needed=(busybox chromium curl fish git openssh-client openssl procps redis-server sudo xz-utils zsh)
missing=()
for package in "${needed[@]}"; do dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package"); done
if [ ${#missing[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "== installing ${missing[*]}"
  (
    # a server that comes with a package is for a test to start, not for this machine
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
      trap 'rm -f $policy' EXIT
      install -m 755 /dev/stdin $policy <<<$'#!/bin/sh\nexit 101'
    fi
    apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qqy -o DPkg::Lock::Timeout=300 --no-install-recommends install "${missing[@]}" >/dev/null
  )
fi

stage 'sample app' npm ci --silent --prefix examples/app
stage build npm run --silent build
stage check npm run --silent check
suite 'unit tests'
if [ "$(uname -s)" = Linux ] && [ "$(id -u)" = 0 ]; then
  suite 'lab tests (real hosts)' --config ava.lab.config.js
else
  echo "-- lab tests skipped: they boot real hosts, which needs Linux and root"
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
