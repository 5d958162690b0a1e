#!/bin/sh
# Sourced by a service's script. `exit_portal "Label"...` ends the script, with success, where /etc/portal.yaml has none of
# these applications: who does not want a service leaves it out of PORTAL_CONFIG.
exit_portal() {
  /opt/services/bin/python -Es /opt/strata/instance has-application "$@" && return 0
  name="${SUPERVISOR_PROCESS_NAME:-$1}"
  echo "Not started: /etc/portal.yaml has no application \"$1\" (PORTAL_CONFIG)."
  mkdir -p /tmp/supervisor-skip && : >"/tmp/supervisor-skip/$name"
  # Longer than startsecs: who ends sooner would be started again.
  sleep 6
  exit 0
}
