#!/bin/sh
# Compiler and Python from the distribution, uv, cmake and ninja as wheels with hashes.
set -eu
sh -eu /context/install-packages.sh
python3 -m venv /opt/toolbox
. /context/trust.sh
/opt/toolbox/bin/pip --quiet --disable-pip-version-check --no-cache-dir \
  install --no-deps --only-binary :all: --require-hashes --requirement /context/build-requirements.txt
