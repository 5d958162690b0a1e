"""ComfyUI: it starts, imports its nodes, computes images, and no volume gets in its way, be it old or closed."""

from __future__ import annotations

import json
import re
import tempfile
import time
from pathlib import Path
from typing import Any

from lib.check import Check
from lib.comfyui import (
    LOGIN_NODE,
    MANAGER,
    ComfyUI,
    Workflow,
    compare_picture,
    expect_files,
    free_memory,
    give_pictures,
    memory_in_use,
    missing_models,
    run_workflow,
)
from lib.node_log import NodeLog, read_node_log
from lib.nodes import is_enabled, judge_nodes
from lib.result import Fail, Inconclusive, Skip
from lib.services import Services, demand, expect_no_restart, expect_refusal, fetch
from lib.stop import check_stop
from lib.volumes.mounted import mounted_volume, volumes, why_not_writable
from lib.volumes.old import MARKER, OldVolume, expect_kept, expect_settings

TITLE = "ComfyUI"
NEEDS = "comfyui"
# An instance has services of its own: check 85.
WITHOUT = "instance"
DEADLINE = 1800

START_DEADLINE = 300.0
LOG_DEADLINE = 10.0
WORKFLOW_DEADLINE = 120.0
# Of a workflow that the image brings: its models are read from the disk first.
OWN_WORKFLOW_DEADLINE = 900.0
# ComfyUI clears up every ten seconds.
FREE_DEADLINE = 30.0
CLOSED_DEADLINE = 60.0
STOP_DEADLINE = 20.0
GRACE = 1.0
# ComfyUI leaves a class out of its list, and says so, when the class cannot describe itself.
SILENT = re.compile(r"An error occurred while retrieving information for the '(.+?)' node")
# cuBLAS and cuDNN keep some for their next call.
MEMORY_TOLERANCE = 256 * 2**20


def run(check: Check) -> None:
    """Three starts: on an empty volume, on one that an older image has used, and on one that cannot be written to."""
    mounted = mounted_volume()
    with check.step("mount", "the mounted volume can be written to") as step:
        step.note = judge_mount(mounted)
    nodes = [node["folder"] for node in check.image["comfyui"]["nodes"]]
    with volumes(mounted) as folder, OldVolume(folder / "old", nodes) as old:
        classes = check_empty_volume(check, folder / "empty", old)
        if classes is not None:
            check_old_volume(check, old, classes)
    check_closed_volume(check)


def judge_mount(mounted: Path | None) -> str:
    """The volume; raises Fail when the image's own user cannot use what an engine gives it."""
    if mounted is None:
        raise Skip("nothing is mounted where the volume belongs")
    if problem := why_not_writable(mounted):
        raise Fail(problem)
    return str(mounted)


def check_empty_volume(check: Check, volume: Path, old: OldVolume) -> int | None:
    """Everything that ComfyUI has to do; returns how many node classes it has, None where it could not be asked."""
    volume.mkdir()
    with Services(default_ports=False, llama=False, comfyui=True, volume=volume) as services:
        comfyui = ComfyUI(services.comfyui)
        if not start(check, services, comfyui):
            return None
        imported = check_nodes(check, services)
        if guarded(check) and not log_in(check, comfyui):
            return None
        if not check.gpu:
            # It starts while this one is asked. Not before the login: each start writes ComfyUI-Login's password into
            # the image's one file. On a GPU one after the other: what is measured of its memory is about one of them.
            old.begin()
        classes = check_interface(check, services, comfyui)
        check_workflows(check, services, comfyui, volume)
        check_backend(check, services, imported)
        with check.step("stays", "ComfyUI did not die and was not started again"):
            expect_no_restart(services.log())
        check_stop(check, services, STOP_DEADLINE, GRACE, "comfyuiStopSeconds", beside=old.services)
    return classes


def start(check: Check, services: Services, comfyui: ComfyUI) -> bool:
    """Whether ComfyUI came to answer."""
    with check.step("start", "ComfyUI starts and stays") as started:
        services.wait(comfyui.is_serving, START_DEADLINE, "no answer")
        seconds = time.monotonic() - services.started
        check.measure("comfyuiStartSeconds", seconds)
        expect_no_restart(services.log())
        started.note = f"after {seconds:.1f} s"
    return started.passed


def log_in(check: Check, comfyui: ComfyUI) -> bool:
    """Whether ComfyUI can be asked things from here on."""
    with check.step("login", "ComfyUI-Login refuses strangers and knows its token") as step:
        comfyui.log_in()
    return step.passed or comfyui.is_open()


def guarded(check: Check) -> bool:
    """Whether ComfyUI-Login is in the image, and is expected to work."""
    return has_node(check, LOGIN_NODE)


def has_node(check: Check, folder: str) -> bool:
    """Whether a node is in the image, and is expected to work."""
    return any(node["folder"] == folder and "knownFailure" not in node for node in check.image["comfyui"]["nodes"])


def check_nodes(check: Check, services: Services) -> set[str] | None:
    """A result for each node that is not simply imported; returns the folders of those that are, None if unknown."""
    nodes = check.image["comfyui"]["nodes"]
    folders = {node["folder"] for node in nodes}
    log = NodeLog()
    imported: set[str] | None = None
    with check.step("nodes", "ComfyUI says which nodes it imported") as step:
        if nodes:
            services.wait(lambda: read_node_log(services.log()).complete, LOG_DEADLINE, "no list of imports")
        log = read_node_log(services.log())
        imported = folders & {entry.path.name for entry in log.imports if entry.problem is None}
        check.measure("comfyuiNodes", len(imported))
        step.note = f"{len(imported)} of {len(nodes)}"
    if not step.passed:
        return imported
    with check.step("built-in", "ComfyUI's own nodes import"):
        if log.built_in:
            raise Fail(f"not imported: {', '.join(log.built_in)}", services.log())
    for finding in judge_nodes(nodes, log, has_gpu=check.gpu is not None):
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", finding.folder)
        with check.step(f"node-{name}", f"node {finding.folder}") as step:
            if finding.problem:
                raise Fail(finding.problem, finding.trace)
            step.note = finding.note
    return imported


def check_interface(check: Check, services: Services, comfyui: ComfyUI) -> int:
    """Version, device, list of classes and the interface itself; returns how many classes there are."""
    classes: dict[str, Any] = {}
    with check.step("system-stats", "ComfyUI has the version and device that it should") as step:
        step.note = compare_system(check, comfyui.get("/system_stats"))
    with check.step("object-info", "ComfyUI lists its node classes") as step:
        classes = comfyui.get("/object_info")
        check.measure("comfyuiNodeClasses", len(classes))
        silent = sorted(set(SILENT.findall(services.log())))
        step.note = f"{len(classes)} classes" + (f"; cannot describe themselves: {', '.join(silent)}" if silent else "")
    with check.step("frontend", "ComfyUI serves its interface"):
        expect_page(comfyui)
    with check.step("packages", "ComfyUI finds its interface, templates and documentation as it wants them") as step:
        step.note = compare_packages(comfyui.get("/system_stats")["system"])
    if files := baked_models(check).get("files"):
        with check.step("models", "ComfyUI offers every model that the image brings") as step:
            if missing := missing_models(comfyui, files):
                raise Fail(f"not offered: {', '.join(missing)}")
            step.note = f"{len(files)} models"
    return len(classes)


def compare_system(check: Check, answer: dict[str, Any]) -> str:
    """Version and device; raises Fail when they are not those of the image and the host."""
    system, device = answer["system"], answer["devices"][0]["type"]
    check.version("comfyui", system["comfyui_version"])
    found = {"version": system["comfyui_version"], "device": device}
    expected = {"version": check.image["comfyui"]["version"], "device": "cuda" if check.gpu else "cpu"}
    if found != expected:
        raise Fail(f"expected {expected}, got {found}")
    return f"{found['version']} on {device}"


def expect_page(comfyui: ComfyUI) -> None:
    """Raises Fail unless the root is a web page."""
    status, content = fetch(comfyui.url, token=comfyui.token)
    if status != 200 or b"<html" not in content.lower():
        raise Fail(f"expected a web page, got status {status}", content.decode(errors="replace")[:2000])


def baked_models(check: Check) -> dict[str, Any]:
    """What the description says of models in the image itself; nothing where they are somewhere else."""
    models: dict[str, Any] = check.image.get("models") or {}
    return models if models.get("strategy") == "baked" else {}


def compare_packages(system: dict[str, Any]) -> str:
    """What ComfyUI says of its own packages; raises Fail for those that are missing or of another version."""
    # Versions before 0.4 do not say it; there it is up to check 10, which reads the requirements.
    packages = system.get("comfy_package_versions", [])
    wrong = [
        f"{package['name']}: expected {package['required']}, got {package['installed'] or 'nothing'}"
        for package in packages
        if package["required"] and package["installed"] != package["required"]
    ]
    if wrong:
        raise Fail("; ".join(wrong))
    return f"{len(packages)} packages"


def check_workflows(check: Check, services: Services, comfyui: ComfyUI, volume: Path) -> None:
    """A workflow without a model to an image on the volume, those that the image brings, and the memory afterwards."""
    before = memory_in_use(comfyui) if check.gpu else 0
    with check.step("workflow", "a workflow computes the image that it should") as step:
        started = time.monotonic()
        names = run_workflow(comfyui, WORKFLOW_DEADLINE)
        check.measure("workflowSeconds", time.monotonic() - started)
        check.measure("firstImageSeconds", time.monotonic() - services.started)
        step.note = compare_picture(volume, names)
    for path in map(Path, baked_models(check).get("workflows", [])):
        with check.step(f"workflow-{path.stem}", f"the image's own workflow {path.name} computes something") as step:
            check.need_gpu()
            workflow: Workflow = json.loads(path.read_text(encoding="utf-8"))
            give_pictures(workflow, volume)
            started = time.monotonic()
            names = run_workflow(comfyui, OWN_WORKFLOW_DEADLINE, workflow)
            check.measure("ownWorkflowSeconds", time.monotonic() - started)
            step.note = expect_files(volume, names)
    with check.step("memory", "ComfyUI gives the GPU's memory back"):
        check.need_gpu()
        left = free_memory(comfyui, before, MEMORY_TOLERANCE, FREE_DEADLINE)
        check.measure("comfyuiMemoryLeftBytes", left)
        if left > MEMORY_TOLERANCE:
            raise Fail(f"it keeps {left / 2**20:.0f} MiB although everything was unloaded")


def check_backend(check: Check, services: Services, imported: set[str] | None) -> None:
    """The image's own service: its token, and what it says of the nodes."""
    url = f"{services.backend}/comfyui/nodes"
    with check.step("backend-token", "the back end refuses strangers"):
        expect_refusal(url)
    with check.step("backend-nodes", "the back end knows which nodes are there and which failed") as step:
        if imported is None:
            raise Inconclusive("which nodes imported is not known")
        nodes = {node["folder"]: node["status"] for node in demand(url, token=services.token)["nodes"]}
        folders = [node["folder"] for node in check.image["comfyui"]["nodes"] if is_enabled(node)]
        expected = {folder: "loaded" if folder in imported else "failed" for folder in folders}
        wrong = [folder for folder in folders if nodes.get(folder) != expected[folder]]
        if wrong:
            raise Fail("; ".join(f"{folder}: expected {expected[folder]}, got {nodes.get(folder)}" for folder in wrong))
        step.note = f"{len(nodes)} nodes"


def check_old_volume(check: Check, old: OldVolume, classes: int) -> None:
    """The image's own code runs, all of it and nothing else, and the volume's data and settings stay."""
    services = old.begin()
    comfyui = ComfyUI(services.comfyui)
    with check.step("old-volume", "the code of an old volume does not run") as step:
        services.wait(lambda: MARKER in services.log() or comfyui.is_serving(), START_DEADLINE, "no answer")
        if MARKER in services.log():
            raise Fail(MARKER, services.log())
        if guarded(check):
            comfyui.log_in()
        compare_system(check, comfyui.get("/system_stats"))
        found = len(comfyui.get("/object_info"))
        if found != classes:
            raise Fail(f"expected {classes} node classes, as on an empty volume, got {found}", services.log())
        step.note = f"{found} node classes, as on an empty volume"
    if step.passed and has_node(check, MANAGER):
        with check.step("manager-settings", "ComfyUI-Manager goes by the settings in the volume"):
            expect_settings(comfyui)
    old.end()
    with check.step("old-data", "the data of an old volume stays"):
        expect_kept(old.folder)


def check_closed_volume(check: Check) -> None:
    """A volume that cannot be used ends the container at once, with a sentence instead of a crash for each service."""
    with tempfile.TemporaryDirectory() as folder:
        # Below a file nobody makes a folder, root neither.
        file = Path(folder, "file")
        file.touch()
        volume = file / "volume"
        with (
            check.step("closed-volume", "a volume that cannot be written to ends the start, and is named"),
            Services(default_ports=False, llama=False, comfyui=True, volume=volume) as services,
        ):
            status = services.wait_for_end(CLOSED_DEADLINE)
            if status is None:
                raise Fail(f"still running after {CLOSED_DEADLINE:g} s", services.log())
            if status == 0 or str(volume) not in services.log():
                raise Fail(f"exit status {status}, and {volume} is not named", services.log())
