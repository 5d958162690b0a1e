#!/bin/sh
# `strata <command>` of the package: the command with the words that follow, in the folder of Pulumi.yaml, as make and npm
# run it in a clone.
set -eu

commands=$(dirname "$(readlink -f "$0")")/../commands
usage() {
  printf 'Usage: npx strata <command> [words]\n\n'
  for file in "$commands"/*.js; do printf '  %s\n' "$(basename "$file" .js)"; done
  printf '\nnpx strata <command> --help says what it takes.\n'
}

case "${1:-}" in
"" | -h | --help) usage && exit 0 ;;
*[!a-z-]*) usage >&2 && exit 2 ;;
esac
program=$commands/$1.js
[ -f "$program" ] || { usage >&2 && exit 2; }
shift

# Without one the command says what it misses, or needs none.
folder=$PWD
while [ ! -f "$folder/Pulumi.yaml" ] && [ "$folder" != / ]; do folder=$(dirname "$folder"); done
[ ! -f "$folder/Pulumi.yaml" ] || cd "$folder"

# As tools/bootstrap.sh has them in a clone.
export NODE_USE_ENV_PROXY=1 NODE_USE_SYSTEM_CA=1
export NODE_COMPILE_CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/strata/node-compile"
exec node "$program" "$@"
