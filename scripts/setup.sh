#!/bin/sh
# Makes sure that Bun is there and the packages are installed. Needs Node with npm, nothing else. Sourced by the other scripts.
set -eu
cd "$(dirname "$0")/.."
BUN_VERSION=$(node -p "require('./package.json').devDependencies.bun")

if ! command -v bun >/dev/null 2>&1; then
  # Beside the project where the global folder is not ours to write.
  npm install --global --no-fund --no-audit "bun@$BUN_VERSION" >/dev/null 2>&1 || {
    npm install --prefix .syncline/tools --no-fund --no-audit "bun@$BUN_VERSION" >/dev/null
    PATH="$PWD/.syncline/tools/node_modules/.bin:$PATH"
    export PATH
  }
fi
bun install --frozen-lockfile --silent
PATH="$PWD/node_modules/.bin:$PATH"
export PATH
