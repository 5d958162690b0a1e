#!/bin/sh
# Usage: locked-base.sh FETCH LIST FOLDER ROOT as a hook of mmdebstrap, before anything is installed. Fetches the packages of LIST
# into FOLDER and makes apt take exactly these.
set -eu
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
fetch="$1"
list="$2"
folder="$3"
root="$4"
if ! gone="$(sh -eu "$fetch" "$list" "$folder")"; then
  echo "Neither the archive nor its snapshots have these packages any more:" "$gone" >&2
  exit 1
fi
cd "$folder"
for deb in *.deb; do
  dpkg-deb --field "$deb"
  printf 'Filename: %s\nSize: %s\nSHA256: %s\n\n' "$deb" "$(stat -c %s "$deb")" "$(sha256sum "$deb" | cut -d ' ' -f 1)"
done >Packages
# They were compared with the lock's hashes when they came.
echo "deb [trusted=yes] copy:$folder ./" >"$root/etc/apt/sources.list.d/locked.list"
printf 'Package: *\nPin: origin ""\nPin-Priority: 1001\n' >"$root/etc/apt/preferences.d/locked"
