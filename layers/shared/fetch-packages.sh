#!/bin/sh
# Usage: fetch-packages.sh LIST FOLDER. Fetches the packages of LIST into FOLDER, each by its hash: from the archives that
# apt knows, where they are still there, else from the snapshots that LIST names. What is nowhere is printed, and ends it.
# A line of LIST is `snapshot ADDRESS` or `package NAME VERSION SHA256 PATH`.
set -eu
list="$1"
folder="$2"
mkdir -p "$folder"

# The packages that are not there yet, as apt-helper wants them.
missing() {
  while read -r kind name _ sha256 path; do
    [ "$kind" = package ] && [ ! -e "$folder/$name.deb" ] || continue
    # In an address, + would be a space.
    printf '%s\n' "$1$(printf '%s' "$path" | sed 's/+/%2b/g; s/~/%7e/g')" "$folder/$name.deb" "SHA256:$sha256"
  done <"$list"
}

# As apt's sources name them, in either form; apt itself tells only of those whose index it has.
eval "$(apt-config shell sources Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d)"
# shellcheck disable=SC2154 # both are set by what apt-config prints
archives="$(cat "$sources" "$parts"/*.list "$parts"/*.sources 2>/dev/null |
  sed -n 's/^deb  *\(\[[^]]*\]  *\)\{0,1\}\(http[^ ]*\) .*/\2/p; s/^URIs: *//p' | tr ' ' '\n' | sed 's#/*$#/#' | sort -u)"
for archive in $archives $(sed -n 's/^snapshot //p' "$list"); do
  wanted="$(missing "$archive")"
  [ -n "$wanted" ] || break
  # No answer from one is no reason to stop: the next may have it.
  printf '%s\n' "$wanted" | xargs -n 300 /usr/lib/apt/apt-helper -o Acquire::Retries=2 -o Acquire::http::Timeout=20 download-file \
    >/dev/null 2>&1 || true
  rm -f "$folder"/*.FAILED
done

gone="$(while read -r kind name version _; do
  [ "$kind" = package ] && [ ! -e "$folder/$name.deb" ] || continue
  printf '%s %s\n' "$name" "$version"
done <"$list")"
[ -n "$gone" ] || exit 0
printf '%s\n' "$gone"
exit 1
