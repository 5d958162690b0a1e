#!/bin/sh
# Usage: install-trimmed.sh, as install-wheels.sh, in a build context that also holds trim.json: what is installed loses the
# GPU code that the stack's cards do not run. In the same step, so that the builder keeps the libraries once.
set -eu
sh -eu /context/install-wheels.sh
python3 -B /context/trim_gpu_code.py "/out/opt/venv/lib/python$PYTHON/site-packages" /context/trim.json
# What has loaded before loads now.
if [ -e /context/verify.py ]; then sh -eu /context/verify-in-place.sh /context/verify.py; fi
sh -eu /context/finish.sh
