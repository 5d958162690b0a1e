#!/bin/sh
# The door before all services: its login and Caddy. What it keeps lies apart from the workspace, which others may share.
export STRATA_DOOR_STATE="${STRATA_DOOR_STATE:-/var/lib/strata/door}"
exec /opt/services/bin/python -Es /opt/strata/door
