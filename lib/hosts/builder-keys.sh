#!/bin/bash
# Runs on a builder by Systems Manager, with a client's public key as input. Makes an authority, the builder's own key, and
# certificates for both; the authority's key is gone at the end, and no private key leaves the machine that made it.
# Prints authority and client's certificate. STRATA_RUN is for tests.
set -euo pipefail
umask 077
run="${STRATA_RUN:-/run/strata}"

until [[ -e "$run/ready" ]]; do
  if [[ -e "$run/failed" ]]; then
    cat "$run/problem" >&2
    exit 1
  fi
  sleep 1
done

mkdir -p "$run/keys"
cd "$run/keys"
cat >client.pub
curve=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
openssl req -x509 "${curve[@]}" -days 2 -subj "/CN=strata builder authority" -keyout ca.key -out ca.pem 2>/dev/null
openssl req -new "${curve[@]}" -subj "/CN=builder" -keyout server.key -out server.csr 2>/dev/null
printf 'subjectAltName=DNS:builder\nextendedKeyUsage=serverAuth\n' >server.ext
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -days 2 -extfile server.ext -out server.pem 2>/dev/null
printf 'extendedKeyUsage=clientAuth\n' >client.ext
openssl x509 -new -force_pubkey client.pub -subj "/CN=strata" -CA ca.pem -CAkey ca.key -days 2 -extfile client.ext \
  -out client.pem
rm -f ca.key
touch ready
cat ca.pem client.pem
