#!/bin/bash
# Sources one boot script and leaves what it exports in a file, even where it ends this shell: `source_script.sh SCRIPT FILE`.
exported="$2"
# shellcheck disable=SC2329 # the trap calls it
leave() {
  set +e
  /usr/bin/env -0 >"$exported"
  exit "$1"
}
trap 'leave "$?"' EXIT

# A verb of the program with the boot's steps.
# shellcheck disable=SC2329 # boot scripts call it
instance() { /opt/services/bin/python -Es /opt/strata/instance "$@"; }

# shellcheck disable=SC1090 # whatever lies in /etc/vast_boot.d
. "$1"
