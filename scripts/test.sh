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

suite() { # NAME ARGUMENTS…: ava, counted
  local log ok bad
  log=$(mktemp)
  echo "== $1"
  node --import tsx scripts/run-suite.ts "$@" 2>&1 | tee "$log"
  read -r ok bad <<<"$(sed -n 's/^-- .*: \([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$log" | tail -n 1)"
  passed=$((passed + ${ok:-0})) failed=$((failed + ${bad:-1}))
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
  echo "-- not part of this: the long production tests (npm run test:production) and the judge (npm run judge)"
else
  echo "-- lab tests skipped: they boot real hosts, which needs Linux and root"
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
