"""A rented instance: all services come up, the door lets nobody in without the login, SSH takes keys alone, nothing else listens."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

from lib.check import Check
from lib.comfyui import ComfyUI, compare_picture, run_workflow
from lib.instance import Instance, service_states
from lib.listeners import public_listeners
from lib.node_log import read_node_log
from lib.nodes import judge_nodes
from lib.result import Fail
from lib.services import fetch
from lib.stop import check_stop

TITLE = "instance"
NEEDS = "instance"
DEADLINE = 900

SERVICES = ("caddy", "comfyui", "instance_portal", "jupyter", "sshd", "tensorboard", "tunnel_manager")
USERS = ("root", "user")
SSH = 22
START_DEADLINE = 300.0
DOOR_DEADLINE = 60.0
COMFYUI_DEADLINE = 300.0
WORKFLOW_DEADLINE = 120.0
STOP_DEADLINE = 10.0
GRACE = 1.0
# Where ComfyUI listens behind the door.
COMFYUI = "http://127.0.0.1:18188"
# What sshd says of itself, `sshd -T`, by option.
KEYS_ALONE = {
    "passwordauthentication": "no",
    "kbdinteractiveauthentication": "no",
    "permitemptypasswords": "no",
    "hostbasedauthentication": "no",
    "pubkeyauthentication": "yes",
}


def run(check: Check) -> None:
    """One start, as outside of any platform: without its variables all ports are the user's."""
    ports = [int(port) for port in check.image["instance"]["ports"]]
    with tempfile.TemporaryDirectory(prefix="strata-workspace.") as folder:
        workspace, key = Path(folder, "workspace"), Path(folder, "key")
        make_key(key)
        with Instance(workspace, key.with_suffix(".pub").read_text(encoding="utf-8").strip()) as instance:
            if not start(check, instance):
                return
            check_open(check, instance, ports)
            check_door(check, instance, [port for port in ports if port != SSH])
            check_ssh(check, instance, key)
            check_comfyui(check, instance, workspace)
            check_ports(check, ports)
            with check.step("running", "no service has ended meanwhile"):
                expect_running()
            check_stop(check, instance, STOP_DEADLINE, GRACE, "instanceStopSeconds")


def make_key(file: Path) -> None:
    """A key pair of OpenSSH's."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True)


def start(check: Check, instance: Instance) -> bool:
    """Whether all services came up."""
    with check.step("start", "every service is up, under the name that people know") as step:
        instance.wait(lambda: not missing(), START_DEADLINE, lambda: f"not up: {', '.join(missing())}")
        seconds = time.monotonic() - instance.started
        check.measure("instanceStartSeconds", seconds)
        step.note = f"after {seconds:.1f} s"
    return step.passed


def missing() -> list[str]:
    """Services that do not run."""
    states = service_states()
    return [name for name in SERVICES if states.get(name) != "RUNNING"]


def expect_running() -> None:
    """Raises Fail where one does not run any more."""
    if ended := missing():
        raise Fail(f"not running: {', '.join(ended)}")


def check_open(check: Check, instance: Instance, ports: list[int]) -> None:
    """The ports that people know."""
    with check.step("open", "what the image declares listens") as step:
        wanted = {("tcp", port) for port in ports}
        instance.wait(lambda: wanted <= public_listeners(), DOOR_DEADLINE, lambda: f"not open: {unopened(wanted)}")
        step.note = ", ".join(map(str, ports))


def check_ports(check: Check, ports: list[int]) -> None:
    """Who listens for others than this container itself. Asked late: a service may run for seconds before it listens."""
    with check.step("ports", "nothing listens but what the image declares"):
        if others := public_listeners() - {("tcp", port) for port in ports}:
            raise Fail(f"not declared: {', '.join(f'{port}/{protocol}' for protocol, port in sorted(others))}")


def unopened(wanted: set[tuple[str, int]]) -> str:
    """Ports that nobody listens on."""
    return ", ".join(str(port) for _, port in sorted(wanted - public_listeners()))


def check_door(check: Check, instance: Instance, ports: list[int]) -> None:
    """Each of the ports that people open in a browser."""
    for port in ports:
        url = f"http://127.0.0.1:{port}/"
        with check.step(f"door-{port}", f"port {port} asks for the login, and opens with it"):
            for token in (None, "wrong"):
                if (status := fetch(url, token=token)[0]) != 401:
                    raise Fail(f"expected 401 {'with a wrong token' if token else 'without one'}, got {status}")
            instance.wait(lambda url=url: is_open(url, instance.token), DOOR_DEADLINE, "no answer with the token")


def is_open(url: str, token: str) -> bool:
    """Whether a service answers who has the token."""
    return fetch(url, token=token)[0] < 400


def check_ssh(check: Check, instance: Instance, key: Path) -> None:
    """What sshd takes, as it says and as a client sees it."""
    for user in USERS:
        with check.step(f"ssh-{user}", f"{user} gets in by SSH with the key, and with nothing else"):
            expect_keys_alone(user)
            entered = connect(user, "-o", "IdentitiesOnly=yes", "-i", str(key))
            if entered.stdout.strip() != user:
                raise Fail(f"the key does not open: {entered.stderr.strip()}", instance.service_log("sshd"))
            refused = connect(user, "-o", "PubkeyAuthentication=no")
            if refused.returncode == 0 or "(publickey)" not in refused.stderr:
                raise Fail(f"expected that keys alone are taken, got: {refused.stderr.strip()}")


def expect_keys_alone(user: str) -> None:
    """Raises Fail where sshd's own settings take something else for this user."""
    asked = ["/usr/sbin/sshd", "-T", "-C", f"user={user},host=localhost,addr=127.0.0.1"]
    told = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    settings = dict(line.split(" ", 1) for line in told.splitlines() if " " in line)
    if wrong := [f"{name} {settings.get(name)}" for name, value in KEYS_ALONE.items() if settings.get(name) != value]:
        raise Fail(f"sshd for {user}: {', '.join(wrong)}")


def connect(user: str, *options: str) -> subprocess.CompletedProcess[str]:
    """One login, with a command that says who one is."""
    known = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
    words = ["ssh", "-F", "none", "-o", "BatchMode=yes", *known, *options, f"{user}@127.0.0.1", "id", "-un"]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def check_comfyui(check: Check, instance: Instance, workspace: Path) -> None:
    """ComfyUI imports its nodes and computes, from the workspace into it."""
    comfyui = ComfyUI(COMFYUI)
    with check.step("comfyui", "ComfyUI answers behind the door") as started:
        instance.wait(comfyui.is_serving, COMFYUI_DEADLINE, "no answer")
    if not started.passed:
        return
    log = read_node_log(instance.service_log("comfyui"))
    # The image's nodes are brought into the workspace with its code.
    place = workspace / "ComfyUI/custom_nodes"
    for finding in judge_nodes(check.image["comfyui"]["nodes"], log, check.gpu is not None, place):
        with check.step(f"node-{finding.folder}", f"node {finding.folder}") as step:
            if finding.problem:
                raise Fail(finding.problem, finding.trace)
            step.note = finding.note
    with check.step("workflow", "a workflow computes the image that it should") as step:
        step.note = compare_picture(workspace, run_workflow(comfyui, WORKFLOW_DEADLINE))
