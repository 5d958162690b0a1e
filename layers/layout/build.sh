#!/bin/sh
# Links, pip's settings and the list of parts.
set -eu
mkdir -p /out/venv /out/usr/local/bin /out/usr/share/doc/strata "/out$ENVIRONMENT"
ln -s "$ENVIRONMENT" /out/venv/main
for program in $PROGRAMS; do ln -s "$SERVICES/bin/$program" "/out/usr/local/bin/$program"; done
cp /context/parts.md /out/usr/share/doc/strata/parts.md
# Of this environment alone: what a node asks for replaces nothing that the image has. The system's pip, which the platform
# installs its own Jupyter with, is free.
printf '[global]\nconstraint = /opt/strata/constraints.txt\n' >"/out$ENVIRONMENT/pip.conf"
sh -eu /context/finish.sh
