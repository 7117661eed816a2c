#!/bin/sh
# Sets everything up and passes every test: format, lint, types, the suite in Bun, the smoke tests and examples in Deno.
# The last line is "N passed, N failed", the sum of what ran.
set -u
. "$(dirname "$0")/setup.sh"
exec bun scripts/run-tests.ts
