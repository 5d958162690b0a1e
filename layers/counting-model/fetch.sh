#!/bin/sh
set -eu
. /context/trust.sh
/opt/toolbox/bin/uv --quiet pip install --target /opt/gguf --python /usr/bin/python3 --no-config --no-cache \
  --no-deps --only-binary :all: --require-hashes --requirement /context/build-requirements.txt
