#!/bin/sh
# Runtime packages only, and the image's user.
set -eu
sh -eu /context/install-packages.sh
# Docker's Ubuntu images bring a user with our number.
if getent passwd ubuntu >/dev/null; then userdel --remove ubuntu 2>/dev/null; fi
groupadd --gid 1000 strata
useradd --uid 1000 --gid strata --create-home --shell /bin/bash strata
if [ -n "${VOLUME:-}" ]; then install -d -o strata -g strata "$VOLUME"; fi
# What was installed, for the software bill of materials.
mkdir -p /usr/share/strata
dpkg-query --show --showformat '${Package} ${Version} ${Architecture}\n' | sort >/usr/share/strata/system-packages.txt
