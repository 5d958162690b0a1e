# What the machine and its engine are, asked rather than taken from their names. Functions for container.sh, sent in front of
# it: `engine` and `run_engine` are the engine, TROUBLE is the exit status of what is not the image's fault.

TROUBLE=69

fail() {
  status="$1"
  shift
  echo "$*" >&2
  exit "$status"
}

# Splitting is what it is for: the engine and its flags are words of ours.
# shellcheck disable=SC2086,SC2154
run_engine() {
  $engine "$@"
}

# Usage: is_podman. Whether the program is podman, whatever it is called: distributions have a `docker` that is. Behind a link
# of that name podman 4.3 says "docker version 4.3.1", Docker "Docker version 26.1.5".
is_podman() {
  case "$(run_engine --version 2>/dev/null)" in podman* | "docker version "*) return 0 ;; *) return 1 ;; esac
}

# Usage: serves_podman. Whether podman answers, also to Docker's own program: its socket may be where Docker's belongs.
serves_podman() {
  is_podman || case "$(run_engine version --format '{{json .Server}}' 2>/dev/null)" in *"Podman Engine"*) return 0 ;; *) return 1 ;; esac
}

# Usage: gpus yes|no. The flags that give a container the GPUs. podman takes them by their names in NVIDIA's CDI file.
gpus() {
  [ "$1" = yes ] || return 0
  if serves_podman; then echo --device nvidia.com/gpu=all --security-opt label=disable; else echo --gpus all; fi
}

# Usage: reads_zstd SINCE. Docker reads layers packed with zstd from that version on, and an older one says so only when it
# has downloaded them; podman does in every version that is still around. A version that is no number is not judged.
reads_zstd() {
  ! serves_podman || return 0
  version="$(run_engine version --format '{{.Server.Version}}' 2>/dev/null)" || return 0
  major="${version%%.*}"
  case "$major" in "" | *[!0-9]*) return 0 ;; esac
  [ "$major" -ge "${1%%.*}" ] || fail "$TROUBLE" "Docker $version on this host cannot read the image's layers, which are" \
    "packed with zstd: that takes $1 or newer. Update it, or set strata:compression to gzip"
}

# Usage: find_smi. Prints where nvidia-smi is. WSL 2 has it where no shell looks, and a login by SSH has a short PATH.
# STRATA_ROOT is for tests.
find_smi() {
  command -v nvidia-smi && return
  for folder in /usr/lib/wsl/lib /usr/bin /usr/local/bin /usr/local/nvidia/bin /opt/bin /run/current-system/sw/bin; do
    file="${STRATA_ROOT:-}$folder/nvidia-smi"
    [ ! -x "$file" ] || {
      echo "$file"
      return
    }
  done
  return 1
}

# Usage: driver. A line for each GPU, with the memory that nobody uses: `NVIDIA L4, 580.65.06, 8.9, 22563 MiB`.
driver() {
  smi="$(find_smi)" || fail "$TROUBLE" "this host has no NVIDIA driver: there is no nvidia-smi"
  listed="$("$smi" --query-gpu=name,driver_version,compute_cap,memory.free --format=csv,noheader 2>&1)" ||
    fail "$TROUBLE" "the NVIDIA driver of this host does not work: $(echo "$listed" | tail -n 2)"
  echo "$listed"
}

# Usage: memory. Bytes of memory that the engine has for containers: its machine may be another one, or a virtual one.
memory() {
  for key in .MemTotal .Host.MemTotal; do
    ! run_engine info --format "{{$key}}" 2>/dev/null || return 0
  done
  echo unknown
}
