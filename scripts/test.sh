#!/bin/sh
# Sets everything up and passes every test: format, lint, types, the suite in Bun, the smoke tests and examples in Deno.
# The last line is "N passed, N failed", the sum of what ran.
set -u
. "$(dirname "$0")/setup.sh"

# Installs a Debian package where its command is missing; who may not do so sees the tests that need it fail.
need() {
  command -v "$1" >/dev/null 2>&1 && return
  echo "Installing $2, which tests need."
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2"; } >/dev/null ||
    echo "$2 could not be installed."
}
# The dashboard is tested in a real browser.
[ -n "${CHROMIUM_PATH:-}" ] || need chromium chromium

exec bun scripts/run-tests.ts
