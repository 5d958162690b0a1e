#!/bin/bash
# To build: BuildKit behind mutual TLS on a loopback port, which only Systems Manager's port forwarding leads to. Its keys
# are made by builder-keys.sh, which tells of them. lib/hosts/fleet.ts puts `RELEASE=…`, BuildKit's archive, in front.
# shellcheck disable=SC2154 # instance.sh, in front of it, sets run, root and the rest.
# shellcheck disable=SC2034 # instance.sh says it where the time is over.
PURPOSE="builder"

# Seconds without a connection after which nobody waits for it: its client keeps one open all the time.
IDLE="${STRATA_IDLE:-600}"
# The port that AWS's port forwarding is asked for (tools/rented/rented-builder.ts).
PORT="${STRATA_PORT:-1234}"
METADATA="${STRATA_METADATA:-http://169.254.169.254}/latest"

# Usage: fetch_buildkit FOLDER
fetch_buildkit() {
  mkdir -p "$1"
  curl --fail --silent --show-error --location --retry 5 --output "$1/buildkit.tar.gz" "$RELEASE" >&2
  tar -xzf "$1/buildkit.tar.gz" -C "$1" >&2
}

# Usage: write_config STORE BINARIES
write_config() {
  cat >"$run/buildkitd.toml" <<END
root = "$1"
[history]
  maxEntries = 500
[otel]
  socketPath = "$run/otel.sock"
[grpc]
  address = ["tcp://127.0.0.1:$PORT"]
  [grpc.tls]
    cert = "$run/keys/server.pem"
    key = "$run/keys/server.key"
    ca = "$run/keys/ca.pem"
[worker.oci]
  enabled = true
  gc = false
  max-parallelism = 4
  networkMode = "host"
  snapshotter = "auto"
  binary = "$2/buildkit-runc"
[worker.containerd]
  enabled = false
END
}

# Whether EC2 takes this spot instance back; two minutes' notice. Everything else answers 404.
is_taken_back() {
  local token
  token="$(curl --fail --silent --max-time 2 --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$METADATA/api/token")" || return 1
  curl --fail --silent --max-time 2 --output /dev/null --header "X-aws-ec2-metadata-token: $token" \
    "$METADATA/meta-data/spot/instance-action"
}

# Whether somebody is connected.
is_used() {
  [[ -n "$(ss --no-header --tcp --numeric state established "( sport = :$PORT )")" ]]
}

# Usage: look_after PID. Ends buildkitd at once where EC2 wants the instance, so that its builds fail in a second instead
# of hanging; ends the instance where nobody has wanted it for long.
look_after() {
  local used="$SECONDS"
  while kill -0 "$1" 2>/dev/null; do
    if is_taken_back; then
      echo "EC2 takes the instance back" >"$run/notice"
      kill -KILL "$1"
      return
    fi
    if is_used; then used="$SECONDS"; fi
    if ((SECONDS - used > IDLE)); then
      echo "nobody has been connected for $IDLE seconds" >"$run/notice"
      shutdown -P now
      return
    fi
    sleep 2
  done
  echo "buildkitd ended by itself" >"$run/notice"
}

main() {
  local folder bin
  mkdir -p "$run"
  end_in "$MINUTES"
  folder="$(own_folder)"
  folder="${folder:-$root/var/lib}/strata"
  fetch_buildkit "$folder"
  bin="$folder/bin"
  mkdir -p "$folder/store"
  write_config "$folder/store" "$bin"
  touch "$run/ready"
  # Until somebody has come for the keys. Who does not come in time does not want it any more.
  for _ in $(seq "$IDLE"); do
    if [[ -e "$run/keys/ready" ]]; then
      PATH="$bin:$PATH" "$bin/buildkitd" --config "$run/buildkitd.toml" 2>"$run/buildkitd.log" >&2 &
      look_after "$!"
      return
    fi
    sleep 1
  done
  shutdown -P now
}
