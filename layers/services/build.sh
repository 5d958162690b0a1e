#!/bin/sh
# Proves the environment and puts it in place.
set -eu
/opt/toolbox/bin/uv --quiet pip check --python /opt/services/bin/python
PYTHONDONTWRITEBYTECODE=1 /opt/services/bin/python /context/verify.py /context/own-requirements.txt
rm -f /opt/services/.lock
mkdir -p /out/opt
mv /opt/services /out/opt/services
sh -eu /context/compile-python.sh "/out/opt/services/lib/python$PYTHON/site-packages"
sh -eu /context/finish.sh
