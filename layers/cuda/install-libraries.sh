#!/bin/sh
# Usage: install-libraries.sh, as install-wheels.sh. Files that nothing loads are left out (left-out.json), in the same step,
# so that no layer of the builder has them.
set -eu
sh -eu /context/install-wheels.sh
python3 -B /context/leave_out.py "/out/opt/venv/lib/python$PYTHON/site-packages" /context/left-out.json
sh -eu /context/finish.sh
