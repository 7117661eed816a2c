#!/bin/sh
# Installs the packages, Bun among them, and builds the dashboard. Needs Node with npm, nothing else, and leaves nothing outside of this folder but
# npm's cache. Sourced by the other scripts.
set -eu
cd "$(dirname "$0")/.."

if command -v bun >/dev/null 2>&1; then
  bun install --frozen-lockfile --silent
else
  BUN_VERSION=$(node -p "require('./package.json').devDependencies.bun")
  npx --yes "bun@$BUN_VERSION" install --frozen-lockfile --silent
fi
PATH="$PWD/node_modules/.bin:$PATH"
export PATH
# The server shows it at its root.
bun scripts/build-web.ts >/dev/null
