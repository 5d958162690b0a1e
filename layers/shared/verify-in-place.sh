#!/bin/sh
# Usage: verify-in-place.sh SCRIPT. Runs a Python script with this stage's packages and those of the stages
# mounted below /stages, before anything is put together. libcuda is the driver's and stays absent.
set -eu
site="opt/venv/lib/python$PYTHON/site-packages"
LD_LIBRARY_PATH=$(find /out /stages -type d -path "*/site-packages/nvidia/*" -name lib 2>/dev/null | tr '\n' ':')
PYTHONPATH="/out/$site$(for stage in /stages/*; do printf ':%s' "$stage/$site"; done)"
export LD_LIBRARY_PATH PYTHONPATH PYTHONDONTWRITEBYTECODE=1
python3 "$1"
