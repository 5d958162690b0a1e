#!/bin/sh
# Usage: settled.sh SCRIPT. Runs a script that works on the root file system (a package manager), then removes
# what differs from one run to the next and gives everything that was written the time SOURCE_DATE_EPOCH, so that
# the same packages make the same layer. What came with the base image keeps its time.
set -eu
touch /dev/shm/started
# A file that is written in the same tick of the clock would not count as newer.
sleep 0.1
sh -eu "$1"
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache \
  /var/lib/dpkg/*-old /var/log/* /root/.cache /tmp/* /etc/.pwd.lock
# Mounts (the context, secrets, /etc/resolv.conf) are of another device or read-only: they are not part of the layer.
find / -xdev -cnewer /dev/shm/started -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} + 2>/dev/null || true
