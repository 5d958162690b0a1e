#!/bin/bash
# For a test: Docker's data lies on the instance's own disk where there is one.
# shellcheck disable=SC2154 # instance.sh, in front of it, sets run, root and the rest.
# shellcheck disable=SC2034 # instance.sh says it where the time is over.
PURPOSE="test"

# Usage: move_data FOLDER. What Docker and containerd keep goes below FOLDER, under the names that they know.
move_data() {
  local service data
  systemctl stop docker.socket docker containerd >&2 || true
  for service in docker containerd; do
    data="$root/var/lib/$service"
    mkdir -p "$1/strata/$service" "$data"
    mount --bind "$1/strata/$service" "$data" >&2
  done
  systemctl start containerd docker >&2
}

main() {
  local folder
  mkdir -p "$run"
  end_in "$MINUTES"
  folder="$(own_folder)"
  if [[ -n "$folder" ]]; then
    move_data "$folder"
    echo "Docker's data is on $folder" >"$run/disk"
  else
    echo "Docker's data is on the root volume" >"$run/disk"
  fi
  for _ in $(seq 60); do
    if docker ps --quiet >/dev/null 2>&1; then
      touch "$run/ready"
      return
    fi
    sleep 2
  done
  echo "Docker does not answer" >&2
  return 1
}
