#!/bin/sh
# JupyterLab for the door alone. In the launch mode `jupyter` the platform runs one of its own, and the portal's list has no
# entry for this one then.
. /opt/supervisor-scripts/utils/exit_portal.sh
exit_portal Jupyter "Jupyter Terminal"
workspace="${WORKSPACE:-/workspace}"
cd "$workspace" || cd /
# Before all others, so that `Python 3` means the environment that has torch. Neither variable is the notebooks'.
export JUPYTER_PATH="/opt/strata/jupyter${JUPYTER_PATH:+:$JUPYTER_PATH}"
# Terminals are login shells of the image's user.
export SHELL=/bin/bash
unset JUPYTER_TOKEN JPY_API_TOKEN
case "${JUPYTER_TYPE:-lab}" in
notebook) start=/tree ;;
*) start=/lab ;;
esac
exec /opt/services/bin/python -Es -m jupyterlab --config=/opt/strata/jupyter/server_config.py \
  --ServerApp.default_url="$start" --ServerApp.root_dir="${JUPYTER_DIR:-/}" \
  --ServerApp.preferred_dir="$PWD"
