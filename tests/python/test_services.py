"""What is decided before any service starts: which run, with which model, ports and mode, and what is only a host's."""

from __future__ import annotations

import ctypes
import os
import shlex
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

from support import RUNTIME

import decide
from preparation import driver, services
from preparation.services import COUNTING_MODEL, Decision, Installed

STARTER = Installed(llama=True, comfyui=False, worker=False)
STUDIO = Installed(llama=True, comfyui=True, worker=False)
WAN = Installed(llama=False, comfyui=True, worker=True)
ON_CPU = "/usr/bin/env CUDA_VISIBLE_DEVICES= /opt/llama.cpp/bin/llama-server"


class ServicesTest(unittest.TestCase):
    """Settings as people and hosts give them."""

    def variables(self, installed: Installed, **given: str) -> dict[str, str]:
        """What is decided, where nothing is wrong."""
        decision = services.decide(given, installed)
        self.assertEqual([str(problem) for problem in decision.problems], [])
        return decision.variables

    def problems(self, installed: Installed, **given: str) -> str:
        """What is wrong."""
        return "\n".join(str(problem) for problem in services.decide(given, installed).problems)

    def said(self, installed: Installed, **given: str) -> str:
        """What people are told."""
        return "\n".join(services.decide(given, installed).messages)

    def test_what_an_image_has_runs(self) -> None:
        found = self.variables(STARTER)
        self.assertEqual((found["STRATA_LLAMA"], found["STRATA_LLAMA_AUTOSTART"]), ("on", "true"))
        self.assertEqual((found["STRATA_COMFYUI"], found["STRATA_WORKER_AUTOSTART"]), ("off", "false"))
        self.assertEqual((found["STRATA_BACKEND_PORT"], found["LLAMA_ARG_PORT"]), ("8000", "8080"))
        self.assertEqual(self.variables(WAN)["STRATA_COMFYUI_AUTOSTART"], "true")

    def test_without_a_model_it_counts_and_sees_no_gpu(self) -> None:
        found = self.variables(STARTER, CUDA_VISIBLE_DEVICES="0")
        self.assertEqual((found["LLAMA_ARG_MODEL"], found["STRATA_LLAMA_COMMAND"]), (COUNTING_MODEL, ON_CPU))
        self.assertIn("serves one that counts, on the CPU", self.said(STARTER))

    def test_every_way_to_name_a_model_is_left_to_llama_server(self) -> None:
        for name in ("MODEL", "MODEL_URL", "HF_REPO", "DOCKER_REPO", "MODELS_DIR", "MODELS_PRESET"):
            for installed in (STARTER, STUDIO):
                found = self.variables(installed, **{f"LLAMA_ARG_{name}": "/models/m"})
                self.assertNotIn("LLAMA_ARG_MODEL", found, name)
                self.assertEqual(found["STRATA_LLAMA_COMMAND"], "/opt/llama.cpp/bin/llama-server", name)
                self.assertEqual(found["STRATA_LLAMA"], "on", name)
        self.assertIn("Set LLAMA_ARG_HF_REPO", self.problems(STARTER, LLAMA_ARG_HF_FILE="m.gguf"))

    def test_it_gets_no_secrets_of_others(self) -> None:
        given = {"LLAMA_API_KEY": "a", "HF_TOKEN": "b", "STRATA_TOKEN": "c", "BUCKET_NAME": "d", "MY KEY %s": "e"}
        command = self.variables(STARTER, LLAMA_ARG_MODEL="m", **given)["STRATA_LLAMA_COMMAND"]
        program = "/opt/llama.cpp/bin/llama-server"
        self.assertEqual(command, f"/usr/bin/env --unset=BUCKET_NAME --unset=STRATA_TOKEN {program}")
        seen = subprocess.run(
            [*shlex.split(command)[:-1], "env"], env=given, capture_output=True, text=True, check=True
        ).stdout
        self.assertEqual({line.split("=")[0] for line in seen.splitlines()}, {"LLAMA_API_KEY", "HF_TOKEN", "MY KEY %s"})

    def test_beside_comfyui_it_wants_a_model_or_to_be_asked(self) -> None:
        self.assertEqual(self.variables(STUDIO)["STRATA_LLAMA"], "off")
        self.assertIn("STRATA_LLAMA=on", self.said(STUDIO))
        self.assertEqual(self.variables(STUDIO, STRATA_LLAMA="on")["STRATA_LLAMA_COMMAND"], ON_CPU)
        self.assertEqual(self.said(STUDIO, STRATA_LLAMA="off"), "")
        self.assertEqual(self.said(WAN), "")

    def test_kubernetes_address_of_a_service_is_no_setting(self) -> None:
        given = {
            "STRATA_COMFYUI_PORT": "tcp://10.0.171.239:8188",
            "STRATA_BACKEND_PORT": "tcp://10.0.171.240:8000",
            "STRATA_WORKER_PORT": "udp://10.0.171.241:1",
            "LLAMA_ARG_PORT": "tcp://10.0.171.242:8080",
            "STRATA_COMFYUI_PORT_8188_TCP": "tcp://10.0.171.239:8188",
            "REDIS_PORT": "tcp://10.0.171.1:6379",
        }
        decision = services.decide(given, STUDIO)
        removed = ["LLAMA_ARG_PORT", "STRATA_BACKEND_PORT", "STRATA_COMFYUI_PORT", "STRATA_WORKER_PORT"]
        self.assertEqual((decision.removed, decision.problems), (removed, []))
        self.assertEqual(decision.variables["STRATA_COMFYUI_PORT"], "8188")
        self.assertEqual(decision.variables["LLAMA_ARG_PORT"], "8080")
        self.assertIn("STRATA_COMFYUI_PORT=tcp://10.0.171.239:8188 is Kubernetes'", decision.messages[2])

    def test_ports_that_nobody_can_listen_on(self) -> None:
        self.assertRegex(self.problems(STARTER, STRATA_BACKEND_PORT="x"), "STRATA_BACKEND_PORT: .* Try 8000")
        # A port that llama-server chooses itself the health check would not find.
        self.assertIn("LLAMA_ARG_PORT", self.problems(STARTER, LLAMA_ARG_PORT="0"))
        self.assertEqual(self.problems(STARTER, LLAMA_ARG_PORT="0", STRATA_LLAMA="off"), "")

    def test_modes(self) -> None:
        on_runpod = {"RUNPOD_WEBHOOK_GET_JOB": "https://example.org"}
        self.assertEqual(self.variables(WAN)["STRATA_MODE"], "pod")
        self.assertEqual(self.variables(WAN, **on_runpod)["STRATA_MODE"], "worker")
        self.assertEqual(self.variables(STUDIO, **on_runpod)["STRATA_MODE"], "pod")
        self.assertEqual(self.variables(STUDIO, STRATA_MODE="pod")["STRATA_MODE"], "pod")
        self.assertEqual(self.variables(WAN, STRATA_MODE="worker")["STRATA_WORKER_AUTOSTART"], "true")
        self.assertEqual(self.variables(WAN, STRATA_MODE="pod", **on_runpod)["STRATA_WORKER_AUTOSTART"], "false")
        self.assertIn("no worker for RunPod", self.problems(STUDIO, STRATA_MODE="worker"))
        self.assertIn("expected worker or pod", self.problems(WAN, STRATA_MODE="x"))
        self.assertIn("nothing to do", self.problems(WAN, STRATA_COMFYUI="off", **on_runpod))

    def test_all_that_is_wrong_is_told_at_once(self) -> None:
        told = self.problems(WAN, STRATA_COMFYUI="yes", STRATA_LLAMA="on", STRATA_BACKEND_PORT="0", STRATA_MODE="x")
        for words in (
            'STRATA_COMFYUI: expected on or off, got "yes"',
            "no llama-server",
            "BACKEND_PORT",
            "STRATA_MODE",
        ):
            self.assertIn(words, told)

    def test_what_hosts_ask_for_and_is_not_here_is_said(self) -> None:
        told = self.said(WAN, PUBLIC_KEY="ssh-ed25519 AAAA me", JUPYTER_PASSWORD="secret")
        self.assertRegex(told, "PUBLIC_KEY is set, but there is no SSH server .* runpodctl")
        self.assertIn("no Jupyter", told)
        self.assertNotIn("secret", told)
        self.assertIn("SSH_PUBLIC_KEY", self.said(WAN, SSH_PUBLIC_KEY="ssh-ed25519 AAAA me"))
        self.assertEqual(self.said(WAN, PUBLIC_KEY="k", STRATA_MODE="worker"), "")


class DriverTest(unittest.TestCase):
    """Drivers that are too old for the image."""

    IMAGE = {"minimumDriver": "580.65.06", "cuda": "13.0"}  # noqa: RUF012

    def judge(
        self, version: str | None, cuda: int | None, image: dict[str, str] | None = None
    ) -> driver.Finding | None:
        return driver.judge(image if image is not None else self.IMAGE, driver.Driver(version, cuda))

    def test_new_enough_or_unknown(self) -> None:
        for version in ("580.65.06", "580.100", "581.1", "610.43.02", None):
            self.assertIsNone(self.judge(version, 13000), version)
        for image in ({}, {"cuda": "13.0"}, {"minimumDriver": "580.65.06"}):
            self.assertIsNone(self.judge("1.0", 1, image), image)

    def test_one_line_with_both_versions_and_the_remedy(self) -> None:
        finding = self.judge("550.54.15", 12040)
        assert finding
        self.assertNotIn("\n", finding.message)
        for words in ("550.54.15", "580.65.06", "CUDA 13.0", "update the driver", "allowed CUDA versions 13.0"):
            self.assertIn(words, finding.message)

    def test_only_an_earlier_major_version_of_cuda_is_hopeless(self) -> None:
        old = {"minimumDriver": "570.26", "cuda": "12.8"}
        for image, version, cuda, hopeless in (
            (self.IMAGE, "575.57.08", 12090, True),
            (self.IMAGE, "579.99", 12990, True),
            (self.IMAGE, "580.50", 13000, False),
            # A library for forward compatibility beside an old kernel.
            (self.IMAGE, "550.54.15", 13000, False),
            (old, "550.54.15", 12040, False),
            (old, "470.82.01", 11040, True),
            (old, "550.54.15", None, False),
        ):
            finding = self.judge(version, cuda, image)
            self.assertEqual(finding and finding.is_hopeless, hopeless, version)

    def test_the_kernels_words(self) -> None:
        # As modules 550 (proprietary) and 580 (open) write them.
        for text, version in {
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\n": "550.54.15",
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (dvs@x)\n": "580.65.06",
        }.items():
            with tempfile.NamedTemporaryFile("w") as file:
                file.write(text + "GCC version:  gcc version 12.3.0 (Ubuntu 12.3.0-1ubuntu1~22.04)\n")
                file.flush()
                self.assertEqual(driver.find_driver(Path(file.name)).version, version)

    def test_what_the_drivers_libraries_say(self) -> None:
        # As nvml.h and cuda.h declare them: 0 is success, the answer goes where the first argument points.
        class Nvml:
            def __init__(self, begun: int, told: int) -> None:
                self.begun, self.told, self.ended = begun, told, False

            def nvmlInit_v2(self) -> int:
                return self.begun

            def nvmlSystemGetDriverVersion(self, text: ctypes.Array[ctypes.c_char], size: int) -> int:
                assert len(text) == size >= 80, "NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE"
                text.value = b"580.65.06"
                return self.told

            def nvmlShutdown(self) -> None:
                self.ended = True

        class Cuda:
            def __init__(self, status: int, version: int) -> None:
                self.status, self.version = status, version

            def cuDriverGetVersion(self, pointer: Any) -> int:
                pointer._obj.value = self.version
                return self.status

        good = Nvml(0, 0)
        self.assertEqual(driver.ask_nvml(lambda _: good), "580.65.06")
        self.assertTrue(good.ended)
        for begun, told in ((9, 0), (0, 999), (1, 0), (0, 1)):
            self.assertIsNone(driver.ask_nvml(lambda _, begun=begun, told=told: Nvml(begun, told)))
        self.assertEqual(driver.ask_cuda(lambda _: Cuda(0, 13000)), 13000)
        self.assertIsNone(driver.ask_cuda(lambda _: Cuda(0, 0)), "no driver behind the library")
        for status in (1, 3):
            self.assertIsNone(driver.ask_cuda(lambda _, status=status: Cuda(status, 13000)))

    def test_a_library_that_is_not_there_knows_nothing(self) -> None:
        self.assertIsNone(driver.ask_nvml(lambda _: None))
        self.assertIsNone(driver.ask_cuda(lambda _: None))
        self.assertIsNone(driver.load("libstrata-none.so.1"))

    def test_comfyui_does_not_try_what_cannot_work(self) -> None:
        old = driver.Driver("550.54.15", 12040)
        for comfyui, arguments, refused in (("on", "", True), ("on", "--cpu", False), ("off", "", False)):
            decision = Decision({"STRATA_COMFYUI": comfyui})
            decide.judge_driver(decision, self.IMAGE, old, {"STRATA_COMFYUI_ARGS": arguments})
            self.assertEqual((len(decision.problems), len(decision.messages)), (refused, not refused))
        decision = Decision({"STRATA_COMFYUI": "on"})
        decide.judge_driver(decision, self.IMAGE, driver.Driver("580.50", 13000), {})
        self.assertEqual((len(decision.problems), len(decision.messages)), (0, 1))


class DecideTest(unittest.TestCase):
    """The program, as the entrypoint's shell evaluates it."""

    def run_program(self, **given: str) -> subprocess.CompletedProcess[str]:
        variables = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **given}
        return subprocess.run(
            [sys.executable, RUNTIME / "decide.py"], env=variables, capture_output=True, text=True, check=False
        )

    def test_the_shell_gets_every_value_as_it_is(self) -> None:
        host = 'it\'s $(touch x) `y` "z"'
        done = self.run_program(LLAMA_ARG_HOST=host, STRATA_COMFYUI_PORT="tcp://10.0.0.1:1", LLAMA_ARG_MODEL="m")
        self.assertEqual(done.returncode, 0, done.stderr)
        script = f'{done.stdout}\nprintf %s\\\\n "$LLAMA_ARG_HOST" "${{STRATA_COMFYUI_PORT-none}}"'
        printed = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, check=True).stdout
        self.assertEqual(printed.splitlines(), [host, "8188"])
        self.assertIn("unset STRATA_COMFYUI_PORT", done.stdout)
        self.assertTrue(all(shlex.split(line) for line in done.stdout.splitlines()))

    def test_what_cannot_work_ends_it(self) -> None:
        done = self.run_program(STRATA_MODE="x")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertEqual(done.stderr, 'strata: STRATA_MODE: expected worker or pod, got "x". Leave it out.\n')


if __name__ == "__main__":
    unittest.main()
