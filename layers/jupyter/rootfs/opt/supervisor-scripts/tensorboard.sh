#!/bin/sh
# TensorBoard over what trainings write into the workspace.
. /opt/supervisor-scripts/utils/exit_portal.sh
exit_portal Tensorboard TensorBoard
logs="${TENSORBOARD_LOG_DIR:-${WORKSPACE:-/workspace}}"
# Without the data server, which would listen on a port of its own that nobody declares.
exec /opt/services/bin/python -Es -m tensorboard.main --logdir "$logs" --host 127.0.0.1 --port 16006 \
  --reload_multifile=true --load_fast=false
