#!/bin/bash
# Starts everything of an instance, as the container's first process or as a child of the platform's own start, also a
# second time after a reboot. `docker run IMAGE bash` runs that command instead; arguments that begin with a dash are for
# the boot (boot_default.sh).
#
# BOOT_SCRIPT  address of a script that takes the place of boot_default.sh; fetched once, then kept
set -u
case ":$PATH:" in
  *:/opt/instance-tools/bin:*) ;;
  *) export PATH="/opt/instance-tools/bin:$PATH" ;;
esac
kept=/opt/instance-tools/bin/boot_custom.sh

if [ "$#" -gt 0 ] && [ "${1#-}" = "$1" ]; then
  exec "$@"
fi
if [ -n "${BOOT_SCRIPT:-}" ] && [ ! -s "$kept" ]; then
  /opt/services/bin/python -Es /opt/strata/instance fetch BOOT_SCRIPT "$kept" ||
    echo "strata: the image's own boot runs instead; the next start tries again." >&2
fi
if [ -n "${BOOT_SCRIPT:-}" ] && [ -s "$kept" ]; then
  echo "strata: BOOT_SCRIPT runs in place of boot_default.sh: $kept" >&2
  exec bash "$kept" "$@"
fi
exec /opt/instance-tools/bin/boot_default.sh "$@"
