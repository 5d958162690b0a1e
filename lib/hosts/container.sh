#!/bin/sh
# Tests one image in containers of an engine. Sent to a host behind engine.sh, whose functions it uses, and run there, one
# verb a call, so that every step has its own time limit and its own meaning when it fails:
#   container.sh ENGINE VERB ARGUMENT...       ENGINE: docker, podman, or one of them behind "sudo -n"
#
# Exit status 69 is trouble of this host, 65 a fault of the image or its registry; stderr has the reason.
set -eu

engine="$1"
verb="$2"
shift 2

FAULT=65
LABEL=strata.smoke.until
# Nobody in the image and nobody on the host.
STRANGER=4242

# Usage: ready [ZSTD]. Whether the engine answers, and reads layers packed with zstd, as Docker does since version ZSTD; removes
# what a test left behind that was cut off from this host.
ready() {
  run_engine ps --quiet >/dev/null || fail "$TROUBLE" "$engine does not answer on this host"
  [ "$#" -eq 0 ] || reads_zstd "$1"
  now="$(date +%s)"
  for container in $(run_engine ps --all --quiet --filter "label=$LABEL"); do
    until="$(run_engine inspect --format "{{index .Config.Labels \"$LABEL\"}}" "$container")" || continue
    [ "$until" -gt "$now" ] || run_engine rm --force --volumes "$container" >/dev/null
  done
  for volume in $(run_engine volume ls --quiet --filter "label=$LABEL"); do
    until="$(run_engine volume inspect --format "{{index .Labels \"$LABEL\"}}" "$volume")" || continue
    [ "$until" -gt "$now" ] || run_engine volume rm --force "$volume" >/dev/null
  done
}

# Usage: pull REFERENCE SECONDS LOGIN [USER]. LOGIN: none (what this host knows itself), stdin, ecr:REGION or
# parameter:REGION:NAME, where the password is. Prints `present` where the image was there already.
pull() {
  reference="$1"
  limit="$2"
  login="$3"
  if run_engine image inspect "$reference" >/dev/null 2>&1; then
    echo present
    return
  fi
  registry="${reference%%/*}"
  tls=
  if is_podman; then
    case "$registry" in 127.* | localhost:* | \[::1\]*) tls=--tls-verify=false ;; esac
  fi
  credentials="$(mktemp -d)"
  trap 'rm -rf "$credentials"' EXIT
  endpoint=
  if [ "$login" != none ]; then
    # A folder of its own for the login knows no context: the engine that was chosen stays the one that pulls.
    is_podman || endpoint="$(run_engine context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null)" || endpoint=
    password "$login" | log_in "$registry" "$4" "$tls" 2>"$credentials/problem" >/dev/null ||
      fail "$FAULT" "$registry refuses the login: $(tail -n 3 "$credentials/problem")"
  fi
  status=0
  # shellcheck disable=SC2046,SC2086 # words of ours, or nothing
  timeout "$limit" $engine $(config) pull --quiet $tls $(auth) "$reference" 2>"$credentials/problem" >/dev/null ||
    status=$?
  [ "$status" -ne 0 ] || return 0
  [ "$status" -ne 124 ] || fail "$TROUBLE" "the image was not here after $limit s"
  problem="$(tail -n 3 "$credentials/problem")"
  case "$problem" in
    *"manifest unknown"* | *"not found"* | *"no matching manifest"* | *nauthorized* | *denied* | *"authentication required"*)
      fail "$FAULT" "$problem"
      ;;
    *) fail "$TROUBLE" "$problem" ;;
  esac
}

# Usage: password LOGIN. Where it is, on this host or behind stdin; never among the arguments of a program.
password() {
  rest="${1#*:}"
  case "$1" in
    stdin) cat ;;
    ecr:*) aws ecr get-login-password --region "$rest" ;;
    parameter:*)
      aws ssm get-parameter --region "${rest%%:*}" --name "${rest#*:}" --with-decryption \
        --query Parameter.Value --output text
      ;;
  esac
}

# Docker keeps logins in a folder, podman in a file; both are gone when the image is here.
config() {
  is_podman || [ "$login" = none ] || echo --config "$credentials" ${endpoint:+--host "$endpoint"}
}

auth() {
  if is_podman && [ -s "$credentials/auth.json" ]; then echo --authfile "$credentials/auth.json"; fi
}

log_in() {
  if is_podman; then
    run_engine login --authfile "$credentials/auth.json" ${3:+"$3"} --username "$2" --password-stdin "$1"
  else
    run_engine --config "$credentials" ${endpoint:+--host "$endpoint"} login --username "$2" --password-stdin "$1"
  fi
}

# Usage: create NAME UNTIL REFERENCE GPU. Makes the container of the checks; stdin is a tar with the folder smoke.
# Without a network, as in the builder: a check that needs one would hide a download at the user's.
create() {
  # shellcheck disable=SC2046 # words of ours, or nothing
  run_engine create --name "$1" --label "$LABEL=$2" --user 0:0 --network none $(gpus "$4") --entrypoint python3 "$3" \
    /smoke/run.py --user strata --out /tmp/evidence.json $([ "$4" = no ] || echo --gpu) >/dev/null ||
    fail "$TROUBLE" "the container cannot be made"
  run_engine cp - "$1:/" || fail "$TROUBLE" "the checks cannot be copied into the container"
}

# Usage: start NAME. Runs the checks; the last line says how they began and ended: `strata: BEFORE FIRST STATUS KILLED ERROR`.
start() {
  before="$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)"
  run_engine start --attach "$1" || true
  first="$(run_engine logs --timestamps "$1" 2>&1 | head -n 1 | cut -d ' ' -f 1)"
  ended="$(run_engine inspect --format '{{.State.ExitCode}} {{.State.OOMKilled}} {{.State.Error}}' "$1")" ||
    fail "$TROUBLE" "the container is gone"
  echo "strata: $before ${first:--} $ended"
}

# Usage: report NAME. The findings as a tar on stdout.
report() {
  run_engine cp "$1:/tmp/evidence.json" -
}

# Usage: serve NAME UNTIL REFERENCE GPU HEALTHCHECK SECONDS. Runs the image as it comes, as a user whom it does not know
# (an instance, where everything is root's, as root, with a health check of its own), with a volume, until HEALTHCHECK passes and for a moment longer. Models are not fetched: there is no network for it. Prints `healthy N s` or `not healthy`, then how often it
# was restarted; then, where something is wrong, the end of its log.
serve() {
  user="$STRANGER:$STRANGER"
  check="$5"
  case "$(run_engine image inspect --format '{{index .Config.Labels "strata.layers"}}' "$3")" in
    *'"instance"'*)
      user=0:0
      check=/opt/instance-tools/bin/healthcheck
      ;;
    # Its service listens behind the door.
    *'"door"'*) check=/opt/strata/door/healthcheck ;;
  esac
  run_engine volume create --label "$LABEL=$2" "$1" >/dev/null || fail "$TROUBLE" "the volume cannot be made"
  run_engine run --rm --label "$LABEL=$2" --network none --user 0:0 --volume "$1:/workspace" --entrypoint chown "$3" \
    "$user" /workspace || fail "$TROUBLE" "the volume cannot be given to a user"
  # shellcheck disable=SC2046 # words of ours, or nothing
  run_engine run --detach --name "$1-serve" --label "$LABEL=$2" --network none --restart on-failure:5 \
    --user "$user" --volume "$1:/workspace" --env STRATA_MODELS=off $(gpus "$4") "$3" >/dev/null ||
    fail "$TROUBLE" "the container cannot be started"
  begun="$(date +%s)"
  answer="not healthy"
  while [ "$(($(date +%s) - begun))" -lt "$6" ]; do
    if run_engine exec "$1-serve" "$check" >/dev/null 2>&1; then
      answer="healthy $(($(date +%s) - begun)) s"
      break
    fi
    # Given up: nobody starts it again.
    [ "$(run_engine inspect --format '{{.State.Status}}' "$1-serve")" != exited ] || break
    sleep 1
  done
  # A service that dies right after it was ready shows itself now.
  sleep 3
  echo "$answer"
  run_engine inspect --format '{{.RestartCount}} {{.State.Status}}' "$1-serve"
  run_engine logs "$1-serve" 2>&1 | tail -n 40
}

# Usage: clean NAME [REFERENCE]. Nothing of the test stays; REFERENCE goes as well.
clean() {
  for container in "$1" "$1-serve"; do
    # One that heeds no signal is not waited for.
    # shellcheck disable=SC2046 # words of ours, or nothing
    run_engine rm --force --volumes $(is_podman && echo --time 0) "$container" >/dev/null 2>&1 || true
  done
  run_engine volume rm --force "$1" >/dev/null 2>&1 || true
  [ -z "${2:-}" ] || run_engine image rm "$2" >/dev/null 2>&1 || true
  # What matters is whether something is left, not which of them was there.
  left="$(run_engine ps --all --quiet --filter "name=$1")"
  [ -z "$left" ] || fail "$TROUBLE" "containers are left: $left"
}

case "$verb" in
  ready | driver | memory | pull | create | start | report | serve | clean) "$verb" "$@" ;;
  *) fail 64 "there is no verb $verb" ;;
esac
