#!/bin/sh
# Usage: install-wheels.sh, in a build context that holds requirements.txt, and where the stage has them:
# built-requirements.txt (packages whose wheels were built from source and lie below /wheels), aliases.txt, and rootfs/.
# Leaves the stage's files in /out.
set -eu
. /context/trust.sh

uv=/opt/toolbox/bin/uv
# The interpreter of a real environment at the path of the product's, so that scripts name the right Python.
# Debian's own would put files under local/.
$uv --quiet venv --no-project --python "/usr/bin/python$PYTHON" /opt/venv
mkdir -p /out
# The cache lies beside /out so that files are linked, not copied: it saves a second write of up to 5 GB.
export UV_CACHE_DIR=/out.cache UV_LINK_MODE=hardlink UV_NO_PROGRESS=1 UV_HTTP_TIMEOUT=300
$uv --quiet pip install --python /opt/venv/bin/python --prefix /out/opt/venv --no-config \
  --no-deps --only-binary :all: --require-hashes --requirement /context/requirements.txt
if [ -e /context/built-requirements.txt ]; then
  # Nothing but the wheels that this stack built: their hash is the stage's digest.
  # shellcheck disable=SC2046 # one option a folder
  $uv --quiet pip install --python /opt/venv/bin/python --prefix /out/opt/venv --no-config \
    --no-deps --no-index $(for folder in /wheels/*; do printf ' --find-links %s' "$folder"; done) \
    --requirement /context/built-requirements.txt
fi
if [ -e /context/aliases.txt ]; then
  python3 /context/write_aliases.py /context/aliases.txt "/out/opt/venv/lib/python$PYTHON/site-packages"
fi
# uv's own lock lies in each stage's environment: one path in several stages.
rm -rf /out.cache /out/opt/venv/.lock

sh -eu /context/compile-python.sh "/out/opt/venv/lib/python$PYTHON/site-packages"
if [ -d /context/rootfs ]; then cp -a /context/rootfs/. /out/; fi
if [ -e /context/verify.py ]; then sh -eu /context/verify-in-place.sh /context/verify.py; fi
sh -eu /context/finish.sh
