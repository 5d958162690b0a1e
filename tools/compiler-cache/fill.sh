#!/bin/sh
# Brings what the parts below /parts hold into the compiler's cache that is mounted, and leaves there what it has. Counts in
# /facts. A compiler may be at work in it: each file comes by a rename.
set -eu
cache=/root/.cache/ccache
new="$cache/.strata-$$"
mkdir -p "$new" /tmp/lists
cd "$cache"
# Results, what leads to them, and raw files; not its counters.
find . -mindepth 2 -type f -name '*[RMW]' -printf '%P\n' | sort >/tmp/lists/here
for part in /parts/*; do
  [ -d "$part" ] || continue
  cd "$part"
  find . -mindepth 2 -type f -name '*[RMW]' -printf '%P\n' | sort | comm -23 - /tmp/lists/here >/tmp/lists/missing
  xargs -r -d '\n' cp --preserve=timestamps --parents -t "$new" </tmp/lists/missing
  sort -o /tmp/lists/here -m /tmp/lists/here /tmp/lists/missing
done
cd "$new"
echo "brought $(find . -type f | wc -l)" >/facts
find . -mindepth 1 -type d | while read -r folder; do
  mkdir -p "$cache/$folder"
  find "$folder" -maxdepth 1 -type f -exec mv -n -t "$cache/$folder" {} +
done
rm -rf "$new"
# Its counters begin anew with the build that comes, and know how much there is.
export CCACHE_DIR="$cache"
ccache --zero-stats >/dev/null
ccache --cleanup >/dev/null
