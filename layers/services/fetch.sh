#!/bin/sh
# Makes the environment at the path that it has in the product, so that its programs name the right Python.
set -eu
. /context/trust.sh
export UV_NO_PROGRESS=1 UV_HTTP_TIMEOUT=300 UV_LINK_MODE=copy
uv=/opt/toolbox/bin/uv
$uv --quiet venv --no-project --python "/usr/bin/python$PYTHON" /opt/services
$uv --quiet pip install --python /opt/services/bin/python --no-config --no-cache \
  --no-deps --only-binary :all: --require-hashes --requirement /context/own-requirements.txt
