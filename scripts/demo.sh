#!/bin/bash
# npm run demo: the lab comes up, three bare hosts become www.foobar.com, and what was promised is proven from outside.
set -euo pipefail
cd "$(dirname "$0")/.."
provision="node bin/provision.js"
npm ci --silent --prefix examples/app
$provision lab up
$provision --inventory inventory/lab.ts
node --import tsx --conditions=hostwright-source scripts/prove.ts
echo
echo 'The lab stays up: try `npx provision --inventory inventory/lab.ts --check --diff`, `npx provision lab ssh web1`.'
echo 'Remove it with `npx provision lab down`.'
