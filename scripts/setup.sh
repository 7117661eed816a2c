#!/bin/sh
# Installs the packages, Bun among them, and builds the dashboard. Needs Node with npm, nothing else, and leaves nothing
# outside of this folder but npm's cache, and PostgreSQL for the tests, where it is missing and we may install it. Sourced
# by the other scripts.
set -eu
cd "$(dirname "$0")/.."

if command -v bun >/dev/null 2>&1; then
  bun install --frozen-lockfile --silent
else
  BUN_VERSION=$(node -p "require('./package.json').devDependencies.bun")
  npx --yes "bun@$BUN_VERSION" install --frozen-lockfile --silent
fi
# Where apt-get and the tests find programs of the system, also when a shell is not a login shell.
PATH="$PWD/node_modules/.bin:$PATH:/usr/sbin:/sbin"
export PATH
# The server shows it at its root.
bun scripts/build-web.ts >/dev/null

# The tests of PostgreSQL as a source start a server of their own. Where it cannot be installed they fail and say so.
has_postgres() { ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v pg_config >/dev/null 2>&1; }
if [ "${for_tests:-yes}" = yes ] && ! has_postgres && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends postgresql; } >/dev/null ||
    echo "PostgreSQL could not be installed; its tests will fail." >&2
fi
