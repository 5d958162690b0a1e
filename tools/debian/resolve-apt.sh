#!/bin/sh
# Usage: resolve-apt.sh FETCH LIST NAME... as a hook of mmdebstrap, before anything is installed. Prints what apt would install for
# a base image and the packages NAME, what its index says of each, and which of those in LIST are to be had nowhere.
set -eu
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
fetch="$1"
list="$2"
shift 2
apt-get -qq update
base="$(apt-cache dumpavail | awk -v RS= '/\nEssential: yes/ || /\nPriority: required/ { print $2 }' | sort -u)"
names=""
for name in "$@"; do
  if [ -n "$(apt-cache madison "$name")" ]; then names="$names $name"; else echo "@unknown $name"; fi
done
for name in apt $base; do echo "@base $name"; done
# shellcheck disable=SC2086 # a word each
chosen="$(apt-get -qq --simulate --no-install-recommends install apt $base $names |
  awk '/^Inst / { sub(/^\(/, "", $3); print $2 " " $3 }')"
printf '%s\n' "$chosen" | sed 's/^/@install /'
# shellcheck disable=SC2046
apt-cache show $(printf '%s\n' "$chosen" | tr ' ' =)
if [ -e "$list" ]; then
  # Most are in the index; only the others are asked for.
  printf '%s\n' "$chosen" | sed 's/.*/package & /' >"$list.chosen"
  grep -v -F -f "$list.chosen" "$list" >"$list.old" || true
  sh -eu "$fetch" "$list.old" "$list.debs" | sed 's/^/@gone /'
fi
