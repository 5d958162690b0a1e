#!/bin/sh
# JupyterLab for the door alone, on 18080.
. /opt/supervisor-scripts/utils/exit_portal.sh
exit_portal Jupyter "Jupyter Terminal"
# In the launch mode `jupyter` the platform runs one of its own on 8080, which the portal's entries name then.
if ! grep -Eq "internal_port['\"]?: *['\"]?18080\b" /etc/portal.yaml; then
  echo "Not started: the platform's own Jupyter is the one in /etc/portal.yaml (JUPYTER_OVERRIDE=true for this one)."
  mkdir -p /tmp/supervisor-skip && : >/tmp/supervisor-skip/jupyter
  sleep 6
  exit 0
fi
workspace="${WORKSPACE:-/workspace}"
cd "$workspace" || cd /
# Before all others, so that `Python 3` means the environment that has torch.
export JUPYTER_PATH="/opt/strata/jupyter${JUPYTER_PATH:+:$JUPYTER_PATH}"
export SHELL=/bin/bash
# The door asks for the login; a token in the platform's variable would close the service to it.
unset JUPYTER_TOKEN JPY_API_TOKEN
case "${JUPYTER_TYPE:-lab}" in
notebook) start=/tree ;;
*) start=/lab ;;
esac
exec /opt/services/bin/python -Es -m jupyterlab --config=/opt/strata/jupyter/server_config.py \
  --ServerApp.default_url="$start" --ServerApp.root_dir="${JUPYTER_DIR:-/}" \
  --ServerApp.preferred_dir="$PWD"
