#!/bin/sh
# Fetches Go and the sources of what Caddy is made of; go refuses what has another hash than go.sum. Of the modules that
# only tests of modules use, nothing is fetched.
set -eu
. /context/trust.sh
/opt/toolbox/bin/uv --quiet pip install --target /opt/go --python /usr/bin/python3 --no-config --no-cache \
  --no-deps --only-binary :all: --require-hashes --requirement /context/go-requirements.txt
. /context/go-settings.sh
mkdir /source
cp /context/go.mod /context/go.sum /context/tools.go /source/
cd /source
go list -deps github.com/caddyserver/caddy/v2/cmd/caddy >/dev/null
