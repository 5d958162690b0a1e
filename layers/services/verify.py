"""Usage: verify.py REQUIREMENTS, with the environment's own Python. It holds exactly its lock, and its programs load."""

import re
import subprocess
import sys
from importlib import import_module
from importlib.metadata import distributions
from pathlib import Path

MODULES = (
    "fastapi",
    "httpx",
    "ipykernel",
    "jinja2",
    "jupyterlab",
    "psutil",
    "pynvml",
    "python_multipart",
    "supervisor.supervisord",
    "tensorboard",
    "uvicorn",
    "websockets",
    "yaml",
)
PROGRAMS = (("supervisord", "--version"), ("jupyter-lab", "--version"), ("tensorboard", "--version_tb"))


def normalise(name: str) -> str:
    """A name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_pins(text: str) -> dict[str, str]:
    """The pins of a requirements file, by normalised name."""
    pins = re.findall(r"^([A-Za-z0-9._-]+)==([^ \\\n]+)", text, re.MULTILINE)
    return {normalise(name): version for name, version in pins}


def differences(expected: dict[str, str], installed: dict[str, str]) -> list[str]:
    """One line for each package that is missing, too many or of another version."""
    return [
        f"{name}: expected {expected.get(name, 'nothing')}, got {installed.get(name, 'nothing')}"
        for name in sorted(expected.keys() | installed.keys())
        if expected.get(name) != installed.get(name)
    ]


def main(requirements: Path) -> None:
    """Exits with all that is wrong."""
    installed = {normalise(each.metadata["Name"]): each.version for each in distributions()}
    wrong = differences(read_pins(requirements.read_text(encoding="utf-8")), installed)
    if wrong:
        sys.exit("\n".join(wrong))
    for module in MODULES:
        import_module(module)
    for program in PROGRAMS:
        subprocess.run([Path(sys.prefix, "bin", program[0]), *program[1:]], check=True, stdout=subprocess.DEVNULL)
    print(f"{len(installed)} distributions, as locked")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
