#!/bin/sh
# Puts the program in place, with its licence, once it has said that it is the version that was asked for.
set -eu
install -D -m 0755 /release/cloudflared /out/opt/instance-tools/bin/cloudflared
said="$(/out/opt/instance-tools/bin/cloudflared --version)"
case "$said" in
*" $VERSION "*) ;;
*)
  echo "expected version $VERSION of cloudflared, got: $said" >&2
  exit 1
  ;;
esac
mkdir -p /out/usr/share/doc/cloudflared
cat >/out/usr/share/doc/cloudflared/copyright <<TEXT
cloudflared $VERSION, as its maker releases it.
Source: https://github.com/cloudflare/cloudflared
Copyright: Cloudflare, Inc.
Licence: Apache-2.0, see /usr/share/common-licenses/Apache-2.0
TEXT
sh -eu /context/finish.sh
