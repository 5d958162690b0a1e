#!/bin/sh
# Puts the source into /out/llama.cpp, without a network: with its page made where llama.cpp's build looks for one first
# (scripts/ui-assets.cmake), without the test models and the documents, which are most of its bytes.
set -eu
mkdir /out
cp -R /source /out/llama.cpp
rm -rf /out/llama.cpp/models /out/llama.cpp/docs
[ "$UI" = true ] || exit 0

. /context/node-settings.sh
cd /page
# SvelteKit names a build by its time, in the names of files too.
sed -i "s/^\tkit: {\$/&\n\t\tversion: { name: '$VERSION' },/" svelte.config.js
grep -F "version: { name: '$VERSION' }" svelte.config.js >/dev/null || { echo 'svelte.config.js is another one: name the build there' >&2; exit 1; }
LLAMA_BUILD_NUMBER="$VERSION" npm run build
[ -s dist/index.html ] || { echo 'the page was not made' >&2; exit 1; }
cp -R dist /out/llama.cpp/tools/ui/dist
