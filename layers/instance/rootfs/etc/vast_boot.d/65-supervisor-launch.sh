#!/bin/bash
# The process manager with all services, in a session of its own: it outlives this script.
instance announce-provisioning
if ! instance is-supervised; then
  setsid /opt/services/bin/python -Es /opt/strata/instance supervise &
  instance is-supervised --wait
fi
