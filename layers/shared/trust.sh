# Sourced. Makes package clients trust the stack's own certificate authorities (a company's proxy) beside the
# distribution's. They come as a build secret, and the joined bundle lies in memory: nothing stays in a layer.
if [ -s /run/secrets/ca ]; then
  cat /etc/ssl/certs/ca-certificates.crt /run/secrets/ca >/dev/shm/certificates.pem
  export SSL_CERT_FILE=/dev/shm/certificates.pem PIP_CERT=/dev/shm/certificates.pem
fi
