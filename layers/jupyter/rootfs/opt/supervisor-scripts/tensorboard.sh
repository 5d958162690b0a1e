#!/bin/sh
# TensorBoard over what trainings write into the workspace.
. /opt/supervisor-scripts/utils/exit_portal.sh
exit_portal Tensorboard TensorBoard
logs="${TENSORBOARD_LOG_DIR:-${WORKSPACE:-/workspace}}"
exec /opt/services/bin/python -Es -m tensorboard.main --logdir "$logs" --host 127.0.0.1 --port 16006 --reload_multifile=true
