#!/bin/sh
# Fetches nvcc as wheels into /opt/nvcc. Without CUDA there is nothing to fetch.
set -eu
[ -e /context/build-requirements.txt ] || exit 0
. /context/trust.sh
/opt/toolbox/bin/uv --quiet pip install --target /opt/nvcc --python /usr/bin/python3 --no-config --no-cache \
  --no-deps --only-binary :all: --require-hashes --requirement /context/build-requirements.txt
