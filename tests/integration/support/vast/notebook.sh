# In mode jupyter: the platform installs Jupyter with the system's pip, and starts it beside onstart, with a token and TLS.
python3 -m pip --version || echo "launch: no usable pip"
if [ ! -e /etc/instance.crt ]; then
  openssl req -x509 -newkey rsa:2048 -nodes -days 7 -subj /CN=jupyter.vast.ai \
    -keyout /etc/instance.key -out /etc/instance.crt 2>/dev/null
fi
(
  cd "${JUPYTER_DIR:-/}" && exec /opt/services/bin/python -m jupyterlab --allow-root --no-browser --ip=0.0.0.0 --port=8080 \
    --certfile=/etc/instance.crt --keyfile=/etc/instance.key --IdentityProvider.token="$JUPYTER_TOKEN" \
    >/var/log/launch-jupyter.log 2>&1
) &
