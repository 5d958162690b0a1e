#!/bin/sh
# ComfyUI, from the workspace or, where that cannot be written to, from the image.
. /opt/supervisor-scripts/utils/exit_portal.sh
exit_portal ComfyUI
exec /opt/services/bin/python -Es /opt/strata/instance comfyui
