#!/bin/sh
# Usage: verify.sh, with the stages mounted below /stages. What was seen is the one file of this stage.
set -eu
set -- /stages /context/distributions.txt
if [ -e /context/allowed.json ]; then set -- "$@" /context/allowed.json; fi
mkdir -p /out
/opt/toolbox/bin/python -B /context/verify.py "$@" >/out/verified.txt || {
  cat /out/verified.txt >&2
  exit 1
}
sh -eu /context/verify-in-place.sh /context/import_torch.py >>/out/verified.txt
cat /out/verified.txt
sh -eu /context/finish.sh
