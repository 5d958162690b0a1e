"""The services: they start, say what the image says, answer with tokens that are known beforehand, and come back."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from lib.check import Check
from lib.image import HEALTHCHECK
from lib.result import Fail, Inconclusive, Skip
from lib.running import POLL
from lib.services import Services, demand, expect_no_restart, fetch, stream

TITLE = "services"
# An instance has services of its own: check 85.
WITHOUT = "instance"
DEADLINE = 300

START_DEADLINE = 120.0
RESTART_DEADLINE = 30.0
SYSTEM_DEADLINE = 180.0
# What the counting model (layers/counting-model) has to answer to "one two".
PROMPT, ANSWER, TOKENS = "one two", "three four five", 3
SPEED_TOKENS, SPEED_ROUNDS = 128, 3
# What the root of llama-server's page names of its own files.
PAGE_PART = re.compile(r'(?:href|src)="(?:\./)?(_app/[^"]+)"')
OFFLOADED = re.compile(r"offloaded (\d+)/(\d+) layers to GPU")


def run(check: Check) -> None:
    """Starts the image's entrypoint and asks its services."""
    # ComfyUI takes long to start, and has a check of its own.
    with Services(llama=check.has("llama"), verbose=check.gpu is not None) as services:
        with check.step("start", "the services become healthy") as started:
            services.wait_until_healthy(START_DEADLINE)
            seconds = time.monotonic() - services.started
            check.measure("startSeconds", seconds)
            started.note = f"after {seconds:.1f} s"
        if not started.passed:
            return
        # The first answer takes as long as an import of torch; the other questions are asked meanwhile.
        with ThreadPoolExecutor(max_workers=1) as pool:
            system = pool.submit(demand, f"{services.backend}/system", None, SYSTEM_DEADLINE, services.token)
            check_healthcheck(check, services)
            if check.has("llama"):
                check_offload(check, services)
                check_llama(check, services)
                check_page(check, services)
            with check.step("stays", "no service died and was started again"):
                expect_no_restart(services.log())
            if check.has("llama"):
                check_restart(check, services)
            check_system(check, system)


def check_healthcheck(check: Check, services: Services) -> None:
    """The command that the container engine runs."""
    with check.step("healthcheck", "the health check says healthy"):
        answer = subprocess.run(
            [str(HEALTHCHECK)], env=services.environment, capture_output=True, text=True, timeout=30, check=False
        )
        if answer.returncode != 0:
            raise Fail(f"exit status {answer.returncode}", answer.stdout + answer.stderr)


def check_system(check: Check, system: Future[Any]) -> None:
    """`/system` against the image's description and the GPU that the driver reports."""
    with check.step("system", "/system agrees with the image") as step:
        answer = system.result()
        if problems := compare_system(answer, check):
            raise Fail("; ".join(problems), json.dumps(answer, indent=2))
        usable = [backend["name"] for backend in answer["attention"] if backend["usable"]]
        step.note = f"usable attention: {', '.join(usable) or 'none'}"


def compare_system(answer: dict[str, Any], check: Check) -> list[str]:
    """What is wrong with the answer."""
    problems = list(answer["problems"])
    if answer["image"] != check.image:
        problems.append("it has another description of the image")
    torch = answer["torch"] or {"version": "", "cuda": None, "cudaAvailable": False}
    compared = {
        "torch": (torch["version"].split("+")[0], check.image.get("torch")),
        "CUDA": (torch["cuda"], check.image.get("cuda")),
        "CUDA available": (torch["cudaAvailable"], check.gpu is not None),
        "driver": (answer["driver"], check.gpu["driver"] if check.gpu else None),
    }
    if check.has("llama"):
        problems += compare_llama(answer["llama"], check)
        compared["llama-server ready"] = (answer["llama"]["ready"], True)
    return problems + [
        f"{name}: expected {expected}, got {found}" for name, (found, expected) in compared.items() if found != expected
    ]


def compare_llama(llama: dict[str, Any], check: Check) -> list[str]:
    """What is wrong with llama-server's version."""
    build = llama["build"] or ""
    check.version("llama.cpp", build or None)
    version = check.image["llama"]["version"]
    return [] if version in build else [f"llama.cpp: expected {version}, got {build}"]


def check_offload(check: Check, services: Services) -> None:
    """With CUDA, the whole model is on the GPU; a back end that does not load leaves it on the CPU, and says nothing."""
    if not check.image["llama"]["cuda"]:
        return
    with check.step("offload", "llama-server has every layer on the GPU") as step:
        check.need_gpu()
        step.note = judge_offload(services.log())


def judge_offload(log: str) -> str:
    """What the log says of the layers; raises Fail unless all of them are on the GPU."""
    counts = OFFLOADED.findall(log)
    if not counts:
        raise Fail("llama-server put no layer on the GPU", log)
    # It may try how much fits before it loads.
    done, total = map(int, counts[-1])
    if done < total:
        raise Fail(f"{done} of {total} layers are on the GPU", log)
    return f"{done} of {total} layers"


def completion(services: Services) -> str:
    """The answer to PROMPT as plain text continuation."""
    answer = demand(f"{services.llama}/v1/completions", {"prompt": PROMPT, "max_tokens": TOKENS, "temperature": 0})
    text: str = answer["choices"][0]["text"]
    return text


def expect_answer(text: str) -> None:
    """Raises Fail unless the text is what the counting model says."""
    if text.strip() != ANSWER:
        raise Fail(f"expected {ANSWER!r}, got {text!r}")


def check_llama(check: Check, services: Services) -> None:
    """Completion, chat and speed, with the model that counts."""
    model = os.environ.get("LLAMA_ARG_MODEL", "counting.gguf")
    if not model.endswith("counting.gguf"):
        with check.step("completion", "llama-server completes"):
            raise Skip(f"the answers of {model} are not known beforehand")
        return
    with check.step("completion", "llama-server completes with the expected tokens"):
        expect_answer(completion(services))
    with check.step("chat", "llama-server chats with the expected tokens"):
        messages = [{"role": "user", "content": PROMPT}]
        body = {"messages": messages, "max_tokens": TOKENS, "temperature": 0}
        answer = demand(f"{services.llama}/v1/chat/completions", body)
        expect_answer(answer["choices"][0]["message"]["content"])
    with check.step("first-token", "llama-server sends tokens as they come") as step:
        # The best of some, here and below, because other checks work at the same time.
        seconds = min(first_token(services) for _ in range(SPEED_ROUNDS))
        check.measure("firstTokenSeconds", seconds)
        step.note = f"the first after {seconds:.3f} s"
    with check.step("speed", "llama-server reports its speed") as step:
        speed = max(measure_speed(services) for _ in range(SPEED_ROUNDS))
        check.measure("tokensPerSecond", speed)
        step.note = f"{speed:.0f} tokens/s"


def check_page(check: Check, services: Services) -> None:
    """The web page with its own files, by a client without a login."""
    if not check.image["llama"].get("ui"):
        return
    with check.step("page", "llama-server serves its web page") as step:
        root = page_part(services, "").decode(errors="replace")
        parts = sorted(set(PAGE_PART.findall(root)))
        if not parts:
            raise Fail("expected a page with files of its own", root[:2000])
        size = sum(len(page_part(services, part)) for part in parts)
        step.note = f"{len(parts)} files, {size / 1e6:.1f} MB"


def page_part(services: Services, path: str) -> bytes:
    """A file of the page; raises Fail where it is not there."""
    status, content = fetch(f"{services.llama}/{path}")
    if status != 200 or not content:
        raise Fail(f"/{path} answered {status}", content.decode(errors="replace")[:2000])
    return content


def first_token(services: Services) -> float:
    """Seconds from a question to the first token of its answer; raises Fail unless the whole of it is right."""
    body = {"prompt": PROMPT, "max_tokens": TOKENS, "temperature": 0, "stream": True}
    started, first, text = time.monotonic(), None, ""
    for event in stream(f"{services.llama}/v1/completions", body):
        piece = "".join(choice.get("text", "") for choice in event.get("choices", []))
        if piece and first is None:
            first = time.monotonic() - started
        text += piece
    expect_answer(text)
    # An answer with the right text has a first token.
    return first or 0.0


def measure_speed(services: Services) -> float:
    """Tokens per second of one long completion, by llama-server's own clock."""
    body = {"prompt": PROMPT, "max_tokens": SPEED_TOKENS, "temperature": 0, "ignore_eos": True}
    answer = demand(f"{services.llama}/v1/completions", body)
    count = answer["usage"]["completion_tokens"]
    if count != SPEED_TOKENS:
        raise Fail(f"expected {SPEED_TOKENS} tokens, got {count}")
    return float(answer["timings"]["predicted_per_second"])


def check_restart(check: Check, services: Services) -> None:
    """A llama-server that dies is replaced, and the replacement works."""
    with check.step("restart", "a killed llama-server comes back") as step:
        before = services.pids("llama-server")
        if len(before) != 1:
            raise Inconclusive(f"expected one process llama-server, found {len(before)}")
        started = time.monotonic()
        os.kill(before.pop(), signal.SIGKILL)
        wait_for_other(services, before, started + RESTART_DEADLINE)
        expect_answer(completion(services))
        step.note = f"after {time.monotonic() - started:.1f} s"


def wait_for_other(services: Services, before: set[int], limit: float) -> None:
    """Returns when another llama-server than `before` runs and everything is healthy; raises Fail at `limit`."""
    while not services.pids("llama-server") - before or not services.is_healthy():
        if services.process.poll() is not None:
            raise Fail(f"the entrypoint ended with exit status {services.process.returncode}", services.log())
        if time.monotonic() > limit:
            raise Fail(f"not back within {RESTART_DEADLINE:g} s", services.log())
        time.sleep(POLL)
