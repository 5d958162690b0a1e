#!/bin/bash
# Sources the scripts of /etc/vast_boot.d in the order of their names, and waits for the process manager that one of them
# starts. What a script exports the later ones and all services have. Each runs in a shell of its own, so that neither
# `exit` nor `set -e` ends the boot.
#
#   --sync-home         home folders are kept in the workspace
#   --no-user-keys      root's SSH keys are not given to `user`
#   --no-export-env     /etc/environment stays as it is
#   --no-cert-gen       no TLS certificate is made or asked for
#   --no-activate-pyenv shells begin without /venv/main
#   --no-forward-compat CUDA's forward compatibility is left alone
#   --jupyter-override  the image's Jupyter runs, even where the platform brings one
#   --no-force-jupyter  Jupyter runs only where PORTAL_CONFIG names it
exec /opt/services/bin/python -Es /opt/strata/instance boot "$@"
