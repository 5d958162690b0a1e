#!/bin/sh
# Compiles Caddy into /out/opt/caddy, without a network: one static program that runs on any base, and the licence of
# each module that is in it.
set -eu
. /context/go-settings.sh
export GOPROXY=off
cd /source
program=github.com/caddyserver/caddy/v2/cmd/caddy
mkdir -p /out/opt/caddy/bin /out/opt/caddy/licences/go
version="$(go list -m -f '{{.Version}}' github.com/caddyserver/caddy/v2)"
# Caddy looks for its version among what a program depends on; here it is the program itself, and would be "unknown".
go build -ldflags "-s -w -X github.com/caddyserver/caddy/v2.CustomVersion=$version" -o /out/opt/caddy/bin/caddy "$program"

go list -deps -f '{{with .Module}}{{.Path}} {{.Dir}}{{end}}' "$program" | sort -u | while read -r module folder; do
  place="/out/opt/caddy/licences/$module"
  mkdir -p "$place"
  find "$folder" -maxdepth 1 -type f \( -iname 'licen[cs]e*' -o -iname 'copying*' -o -iname 'notice*' \) \
    -exec cp {} "$place/" \;
  [ -n "$(ls "$place")" ] || { echo "$module has no licence in its folder" >&2; exit 1; }
done
# The wheel leaves out the file of Go itself; that of its own tools has the same text.
cp /opt/go/go/src/cmd/vendor/golang.org/x/mod/LICENSE /out/opt/caddy/licences/go/
cp /out/opt/caddy/licences/github.com/caddyserver/caddy/v2/LICENSE /out/opt/caddy/

# It starts, and it is the version that was asked for.
told="$(/out/opt/caddy/bin/caddy version)"
[ "$told" = "$version" ] || { echo "expected Caddy $version, and it says $told" >&2; exit 1; }
