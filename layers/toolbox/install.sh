#!/bin/sh
# Compiler and Python from the distribution, uv, cmake and ninja as wheels with hashes.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install --no-install-recommends ca-certificates ccache g++ libssl-dev make patch python3 python3-dev python3-venv >/dev/null
python3 -m venv /opt/toolbox
. /context/trust.sh
/opt/toolbox/bin/pip --quiet --disable-pip-version-check --no-cache-dir \
  install --no-deps --only-binary :all: --require-hashes --requirement /context/build-requirements.txt
