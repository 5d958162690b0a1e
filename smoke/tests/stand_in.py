"""A small stand-in of a product image, whole or broken in one way, and the real checks in it.

    python3 stand_in.py FOLDER NAME [CHECKS]

makes the image in FOLDER, breaks it as BREAKAGES says of NAME (`none`: not at all), runs the checks with these numbers
(all of them by default) and leaves their findings in FOLDER/evidence.json. What the image has: a Python environment with
packages that are no more than their names and versions, compiled libraries, and the services of fake_services.py.
Checks 30 and 40 compute with torch, which is not here: they pass without having done anything. Exits 77 and says why
where it cannot be made.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fake_gpu_code import box
from fake_gpu_code import source as gpu_code

TESTS = Path(__file__).resolve().parent
SMOKE = TESTS.parent
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
SCRIPTS = {
    "entrypoint": "fake_services.py",
    "llama-server": "fake_services.py",
    "healthcheck": "fake_services.py",
    "comfyui": "fake_comfyui.py",
}
NODES = [{"folder": name} for name in ("ComfyUI-Manager", "ComfyUI-KJNodes")]
MODELS = {"strategy": "baked", "files": ["models/checkpoints/tiny.safetensors"]}
IMAGE: dict[str, Any] = {
    "recipe": "stand-in",
    "generation": "ada",
    "computeCapabilities": ["8.9"],
    "minimumDriver": "580.65.06",
    "cuda": "13.0",
    "torch": "2.12.0",
    "attention": ["flash-attn"],
    "llama": {"version": "b8505", "cuda": True},
    "comfyui": {"version": "0.3.64", "commit": "a" * 40, "nodes": NODES},
    "models": MODELS,
}
VERSIONS = {
    "torch": "2.12.0+cu130",
    "torchvision": "0.27.0",
    "fastapi": "0.120.0",
    "uvicorn": "0.38.0",
    "httpx": "0.28.1",
    "supervisor": "4.3.0",
    "flash-attn": "2.8.3",
    "numpy": "1.26.4",
    "comfyui-frontend-package": "1.27.10",
    "comfyui-workflow-templates": "0.1.95",
    "packaging": "25.0",
}
TORCH = """
from types import SimpleNamespace
__version__ = "2.12.0+cu130"
version = SimpleNamespace(cuda="13.0")
_C = SimpleNamespace(_cuda_getArchFlags=lambda: "sm_75 sm_80 sm_86 sm_90 sm_100 sm_120")
ops = SimpleNamespace(torchvision=SimpleNamespace(_cuda_version=lambda: 13000))
"""
# As Python loads extensions, with every symbol at once.
EXTENSION = """
import ctypes, os
from pathlib import Path
ctypes.CDLL(str(Path(__file__).with_name("extension.so")), mode=os.RTLD_NOW)
"""
# Only the number of the user decides, and not every machine that runs tests lets one become another.
USER = "import os\nos.geteuid = lambda: {}\n"


class Missing(Exception):
    """Something that this machine lacks."""


class StandIn:
    """The image in `folder`; `environment` is what its container starts with."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.opt = folder, folder / "opt"
        self.site = self.opt / f"venv/lib/{PYTHON}/site-packages"
        self.image: dict[str, Any] = json.loads(json.dumps(IMAGE))
        self.environment = dict(os.environ) | {
            "STRATA_SMOKE_OPT": str(self.opt),
            "STRATA_SMOKE_ROOT": str(folder / "root"),
            "VIRTUAL_ENV": str(self.opt / "venv"),
            "PATH": f"{self.opt}/venv/bin:{os.environ['PATH']}",
            "PYTHONUSERBASE": str(folder / "user"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "NVIDIA_VISIBLE_DEVICES": "all",
            "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
            "FAKE_DEVICE": "cpu",
            "FAKE_BROKEN": "",
            "FAKE_PASSWORD": str(self.opt / "comfyui/login/PASSWORD"),
            "FAULT": "",
        }
        self._add_python()
        for name, version in VERSIONS.items():
            self.add_package(name, version)
        self._add_modules()
        self.write("opt/strata/constraints.txt", "".join(f"{name}=={version}\n" for name, version in VERSIONS.items()))
        wanted = [f"{name}=={VERSIONS[name]}\n" for name in VERSIONS if name.startswith("comfyui")]
        self.write("opt/comfyui/requirements.txt", "".join([*wanted, "torch\n"]))
        for name, source in SCRIPTS.items():
            script = f"#!{sys.executable}\n{(TESTS / source).read_text(encoding='utf-8')}"
            self.write(f"opt/strata/runtime/{name}", script).chmod(0o755)
        self.set_user(1000)
        self._choose_checks()

    def write(self, path: str, text: str) -> Path:
        """A file below the folder."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def module(self, name: str, text: str = "") -> None:
        """A package of Python."""
        self.write(f"opt/venv/lib/{PYTHON}/site-packages/{name}/__init__.py", text)

    def add_package(self, name: str, version: str) -> None:
        """The metadata of a distribution."""
        folder = f"opt/venv/lib/{PYTHON}/site-packages/{name.replace('-', '_')}-{version}.dist-info"
        self.write(f"{folder}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")

    def remove_package(self, name: str) -> None:
        """What pip leaves of a distribution."""
        (found,) = self.site.glob(f"{name.replace('-', '_')}-*.dist-info")
        shutil.rmtree(found)

    def compile(self, path: str, source: str, *options: str) -> Path:
        """A shared library below the environment's packages."""
        compiler = shutil.which("gcc")
        if not compiler:
            raise Missing("needs gcc")
        file = self.site / path
        file.parent.mkdir(parents=True, exist_ok=True)
        command = [compiler, "-shared", "-fPIC", "-x", "c", "-", "-x", "none", "-o", str(file), *options]
        subprocess.run(command, input=source, text=True, check=True)
        return file

    def set_user(self, number: int) -> None:
        """Whom the container runs as."""
        self.write(f"user/lib/{PYTHON}/site-packages/usercustomize.py", USER.format(number))

    def run(self, checks: str | None) -> int:
        """The checks, as a host runs them; the exit status of run.py."""
        self.write("opt/strata/image.json", json.dumps(self.image))
        command = [
            *(sys.executable, str(SMOKE / "run.py"), "--folder", str(self.folder / "checks")),
            *("--out", str(self.folder / "evidence.json"), "--image", str(self.opt / "strata/image.json")),
            *("--venv-python", str(self.opt / "venv/bin/python")),
            *(["--checks", checks] if checks else []),
        ]
        environment = self.environment | {"FAKE_IMAGE": json.dumps(self.image)}
        return subprocess.run(command, env=environment, check=False).returncode

    def _add_python(self) -> None:
        base = Path(sys.executable).resolve()
        self.write("opt/venv/pyvenv.cfg", f"home = {base.parent}\ninclude-system-site-packages = false\n")
        self.site.mkdir(parents=True)
        (self.opt / "venv/bin").mkdir()
        for name in ("python", "python3"):
            (self.opt / "venv/bin" / name).symlink_to(base)
        for name in ("pip", "pip3"):
            self.write(f"opt/venv/bin/{name}", "#!/bin/sh\n").chmod(0o755)

    def _add_modules(self) -> None:
        for name in ("torchvision", "fastapi", "uvicorn", "httpx", "supervisor", "numpy"):
            self.module(name)
        self.module("torch", TORCH)
        self.module("flash_attn", EXTENSION)
        # Readers of requirements are not what is tested: a copy of this machine's.
        self.compile("flash_attn/extension.so", "int attend(void) { return 0; }" + gpu_code(box("sm_80", "sm_90")))
        back_end = self.compile("libggml-cuda.so", gpu_code(box("sm_89")))
        (self.opt / "llama.cpp/bin").mkdir(parents=True)
        back_end.rename(self.opt / "llama.cpp/bin/libggml-cuda.so")
        for name in ("packaging", "pip._vendor.packaging"):
            try:
                spec = find_spec(name)
            except ModuleNotFoundError:
                continue
            if spec and spec.origin:
                shutil.copytree(Path(spec.origin).parent, self.site / "packaging")
                return
        raise Missing("needs packaging or pip")

    def _choose_checks(self) -> None:
        (self.folder / "checks").mkdir()
        passes = "def run(check):\n    with check.step('stand-in', 'there is no torch here'):\n        pass\n"
        for check in (SMOKE / "checks").glob("[0-9]*.py"):
            if check.name[:2] in ("30", "40"):
                self.write(f"checks/{check.name}", passes)
            else:
                (self.folder / "checks" / check.name).symlink_to(check)


def fault(name: str) -> Callable[[StandIn], None]:
    """Services that do this wrong."""
    return lambda image: image.environment.update(FAULT=name)


def variable(name: str, value: str) -> Callable[[StandIn], None]:
    """A variable that the image sets."""
    return lambda image: image.environment.update({name: value})


def without_kernels(image: StandIn) -> None:
    """A torch whose wheel leaves the image's GPUs out."""
    image.module("torch", TORCH.replace("sm_80 sm_86 ", ""))


def other_cards(image: StandIn) -> None:
    """A wheel of a kernel that was compiled for other cards alone."""
    image.compile("flash_attn/extension.so", "int attend(void) { return 0; }" + gpu_code(box("sm_90", "compute_100")))


def undefined_symbol(image: StandIn) -> None:
    """An extension that was built for another torch."""
    image.compile("flash_attn/extension.so", "int _ZN3c104cuda(void); int attend(void) { return _ZN3c104cuda(); }")


def other_cuda(image: StandIn) -> None:
    """A torchvision of the index, beside a torch of another one."""
    image.module("torch", TORCH.replace("13000", "12080"))


def without_templates(image: StandIn) -> None:
    """ComfyUI without a package that its interface needs."""
    image.remove_package("comfyui-workflow-templates")
    fault("no-templates")(image)


def missing_library(image: StandIn) -> None:
    """OpenCV without the library that the base image leaves out."""
    # Not libGL, which this machine may have.
    library = image.compile("libscreen.so", "int flush(void) { return 0; }", "-Wl,-soname,libstrata-screen.so.1")
    source = "int flush(void); int show(void) { return flush(); }"
    image.compile("cv2/cv2.so", source, "-Wl,--no-as-needed", f"-L{library.parent}", "-lscreen")
    library.unlink()


def other_processor(image: StandIn) -> None:
    """A library of a wheel for another processor."""
    file = image.compile("cv2/cv2.so", "int show(void) { return 0; }")
    content = bytearray(file.read_bytes())
    struct.pack_into("<H", content, 18, 183)  # e_machine: EM_AARCH64
    file.write_bytes(content)


def replaced_package(image: StandIn) -> None:
    """A node's requirement that replaced a package of the image."""
    image.remove_package("numpy")
    image.add_package("numpy", "2.4.0")


def broken_node(image: StandIn) -> None:
    """A node whose packages went somewhere else."""
    image.environment["FAKE_BROKEN"] = "ComfyUI-KJNodes"


BREAKAGES: dict[str, Callable[[StandIn], None]] = {
    "none": lambda image: None,
    "kernels": without_kernels,
    "cards": other_cards,
    "symbol": undefined_symbol,
    "torchvision": other_cuda,
    "demand": variable("NVIDIA_REQUIRE_CUDA", "cuda>=13.2 brand=unknown,driver>=570,driver<571"),
    "templates": without_templates,
    "frontend": fault("no-frontend"),
    "environment": variable("VIRTUAL_ENV", "/opt/conda"),
    "node": broken_node,
    "library": missing_library,
    "replaced": replaced_package,
    "unconstrained": fault("unconstrained"),
    "manager": fault("manager-path"),
    "volume": fault("shadowed"),
    "root": lambda image: image.set_user(0),
    "closed": fault("ends-well"),
    "capabilities": variable("NVIDIA_DRIVER_CAPABILITIES", "utility"),
    "crash": fault("ends"),
    "restarts": fault("restarts"),
    "model": fault("model-path"),
    "processor": other_processor,
}


def main(folder: Path, name: str, checks: str | None = None) -> int:
    """Makes the image, breaks it, and lets the checks say what they find."""
    try:
        image = StandIn(folder)
        BREAKAGES[name](image)
    except Missing as missing:
        print(missing)
        return 77
    return image.run(checks)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
