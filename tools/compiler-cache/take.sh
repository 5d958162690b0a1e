#!/bin/sh
# Takes out of the compiler's cache that is mounted what no part below /parts holds, into /ccache: at most $1 kilobytes, and
# nothing that no build has asked for in a month. Counts in /facts.
set -eu
cache=/root/.cache/ccache
mkdir -p /ccache /tmp/lists
CCACHE_DIR="$cache" ccache --print-stats >/facts
for part in /parts/*; do
  [ -d "$part" ] || continue
  # What leads to results grows with each, under its name.
  (cd "$part" && find . -mindepth 2 -type f -printf '%s %P\n')
done | sort -u >/tmp/lists/there
cd "$cache"
find . -mindepth 2 -type f -name '*[RMW]' -printf '%s %P\n' | sort | comm -23 - /tmp/lists/there | cut -d ' ' -f 2- >/tmp/lists/new
xargs -r -d '\n' cp --preserve=timestamps --parents -t /ccache </tmp/lists/new
CCACHE_DIR="$cache" ccache --cleanup >/dev/null
export CCACHE_DIR=/ccache CCACHE_MAXSIZE="$1k"
ccache --evict-older-than 30d >/dev/null
ccache --cleanup >/dev/null
find /ccache -type f ! -name '*[RMW]' -delete
{
  echo "new_files $(find /ccache -type f | wc -l)"
  echo "new_kilobytes $(find /ccache -type f -printf '%k\n' | awk '{ sum += $1 } END { print sum + 0 }')"
} >>/facts
