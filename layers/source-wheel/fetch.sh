#!/bin/sh
# Fetches what the package NAME is built with, as the lock has it, and its source archive into /source; nothing of either
# runs here. What is only in git, BuildKit fetches.
set -eu
. /context/trust.sh

/opt/toolbox/bin/uv --quiet pip install --python /opt/toolbox/bin/python --no-config --no-cache \
  --no-deps --only-binary :all: --require-hashes --requirement /context/build-requirements.txt
[ -n "$HASHES" ] || exit 0
# shellcheck disable=SC2086 # one hash a word
/opt/toolbox/bin/python /context/fetch_sdist.py "$NAME" "$VERSION" $HASHES /sdist
mkdir /source
if [ "$(head -c 2 /sdist)" = PK ]; then
  python3 -m zipfile -e /sdist /unpacked
  mv /unpacked/*/* /source/
else
  tar -xzf /sdist -C /source --strip-components=1 --no-same-owner
fi
rm -r /sdist
