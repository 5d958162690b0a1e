#!/bin/bash
# The environment of all that follows: workspace, the user's own variables; and the portal's applications.
exports="$(instance workspace-variables)" || return 1
eval "$exports"
if [ -r "$WORKSPACE/.env" ]; then
  set -a
  # shellcheck disable=SC1091 # the user's
  . "$WORKSPACE/.env" || echo "strata: $WORKSPACE/.env ended with an error; what it set until then counts." >&2
  set +a
fi
instance portal-config
