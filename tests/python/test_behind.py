"""Where the services of an image go that has the door before them, and which settings lead around it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from support import DOOR, RUNTIME

import behind
from preparation import services
from preparation.problem import Problem
from preparation.services import Installed

STUDIO = Installed(llama=True, comfyui=True, worker=False)
WAN = Installed(llama=False, comfyui=True, worker=True)
STARTER = Installed(llama=True, comfyui=False, worker=False)


def move(installed: Installed, **given: str) -> dict[str, str]:
    """What the services and the door are started with."""
    return behind.move(given, services.decide(given, installed))


def shown(installed: Installed, **given: str) -> dict[str, tuple[int, int]]:
    """Public and inner port by label."""
    applications = json.loads(move(installed, **given)["STRATA_DOOR_APPLICATIONS"])["applications"]
    return {label: (entry["external_port"], entry["internal_port"]) for label, entry in applications.items()}


class BehindTest(unittest.TestCase):
    def test_the_door_has_the_public_ports(self) -> None:
        usual = {"ComfyUI": (8188, 18188), "Service": (8000, 18000)}
        self.assertEqual(shown(STUDIO), usual)
        self.assertEqual(shown(STUDIO, STRATA_LLAMA="on"), usual | {"llama-server": (8080, 18080)})
        self.assertEqual(
            shown(STUDIO, LLAMA_ARG_MODEL="/m.gguf", LLAMA_ARG_PORT="60000")["llama-server"], (60000, 50000)
        )
        self.assertEqual(shown(STARTER), {"Service": (8000, 18000), "llama-server": (8080, 18080)})
        self.assertEqual(shown(WAN, STRATA_MODE="worker"), {"Service": (8000, 18000)}, "a worker's ComfyUI is nobody's")
        self.assertEqual(shown(STUDIO, STRATA_COMFYUI="off"), {"Service": (8000, 18000)})

    def test_the_services_listen_on_loopback(self) -> None:
        moved = move(STUDIO, LLAMA_ARG_HOST="0.0.0.0", STRATA_COMFYUI_ARGS="--lowvram '--x=a b'")
        self.assertEqual(moved["LLAMA_ARG_HOST"], "127.0.0.1")
        self.assertEqual(moved["STRATA_COMFYUI_ARGS"], "--listen=127.0.0.1 --lowvram '--x=a b'")
        self.assertEqual((moved["STRATA_BACKEND_PORT"], moved["STRATA_COMFYUI_PORT"]), ("18000", "18188"))

    def test_nothing_leads_around(self) -> None:
        for given in (
            {"STRATA_COMFYUI_ARGS": "--listen"},
            {"STRATA_COMFYUI_ARGS": "--cpu --listen=0.0.0.0"},
            {"STRATA_COMFYUI_ARGS": "--listen 0.0.0.0"},
            {"LLAMA_ARG_SSL_KEY_FILE": "/k"},
            {"STRATA_BACKEND_PORT": "18188"},
            {"STRATA_BACKEND_PORT": "8188"},
        ):
            with self.assertRaises(Problem, msg=str(given)):
                move(STUDIO, **given)

    def run_program(self, **given: str) -> subprocess.CompletedProcess[str]:
        """As the entrypoint does, in a folder like the image's."""
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (folder / "door").symlink_to(DOOR)
        (folder / "runtime").symlink_to(RUNTIME)
        program = folder / "door/behind.py"
        # Of a link Python takes the folder that it leads to: there is a neighbour of the same name in the image.
        text = program.read_text().replace("Path(__file__).parents[1]", f"Path({str(folder)!r})")
        copy = folder / "behind.py"
        copy.write_text(text)
        return subprocess.run(
            [sys.executable, "-Es", str(copy)],
            env={"PATH": os.environ["PATH"], **given},
            capture_output=True,
            text=True,
            check=False,
        )

    def test_what_the_shell_reads(self) -> None:
        done = self.run_program(STRATA_COMFYUI_ARGS="--x='; touch /tmp/never'")
        self.assertEqual(done.returncode, 0, done.stderr)
        names = re.findall(r"^export (\w+)=", done.stdout, re.MULTILINE)
        self.assertIn("STRATA_DOOR_APPLICATIONS", names)
        read = subprocess.run(
            ["sh", "-c", f'{done.stdout}\nprintf %s "$STRATA_COMFYUI_ARGS"'], capture_output=True, text=True, check=True
        )
        self.assertEqual(read.stdout, "--listen=127.0.0.1 --x='; touch /tmp/never'")

    def test_with_a_problem_nothing_starts(self) -> None:
        for given in (
            {"STRATA_COMFYUI_ARGS": "--listen=0.0.0.0"},
            {"STRATA_BACKEND_PORT": "80000"},
            {"STRATA_MODE": "x"},
            {"STRATA_LLAMA": "maybe"},
        ):
            done = self.run_program(**given)
            self.assertEqual((done.returncode, done.stdout), (2, ""), given)
            self.assertIn(next(iter(given)), done.stderr)

    def test_a_port_of_what_does_not_run_is_nobodys_business(self) -> None:
        self.assertEqual(shown(STUDIO, LLAMA_ARG_PORT="x"), {"ComfyUI": (8188, 18188), "Service": (8000, 18000)})
        with self.assertRaises(Problem):
            move(STUDIO, STRATA_COMFYUI_PORT="x")
        self.assertNotIn("STRATA_COMFYUI_PORT", move(WAN, STRATA_MODE="worker"), "its worker knows the usual one")

    def test_a_services_address_of_kubernetes_is_no_port(self) -> None:
        self.assertEqual(shown(STUDIO, STRATA_BACKEND_PORT="tcp://10.0.0.1:80")["Service"], (8000, 18000))


if __name__ == "__main__":
    unittest.main()
