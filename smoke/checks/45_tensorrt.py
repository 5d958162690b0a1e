"""TensorRT compiles a network of one addition and runs it, on a GPU; without one its bindings import.

A stub imports as well: only an engine that was built shows that the libraries are all there.
"""

from __future__ import annotations

import importlib
from typing import Any

from lib.check import Check
from lib.result import Fail

TITLE = "TensorRT"
VENV = True
NEEDS = "tensorrt"
DEADLINE = 300

MODULES = ("tensorrt", "tensorrt_bindings")


def run(check: Check) -> None:
    """The import, then an engine."""
    with check.step("import", "TensorRT imports") as step:
        trt = import_bindings()
        step.note = str(trt.__version__)
    with check.step("engine", "TensorRT builds an engine and runs it") as step:
        check.need_gpu()
        step.note = build_and_run(import_bindings())


def import_bindings() -> Any:
    """The package, or the bindings alone where the stack brings no more."""
    for name in MODULES:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise Fail(f"{name}: {error}") from error
    raise Fail(f"neither {' nor '.join(MODULES)} is there")


def build_and_run(trt: Any) -> str:
    """x + x for four numbers, by an engine that was built here."""
    import torch

    builder = trt.Builder(trt.Logger(trt.Logger.ERROR))
    network = builder.create_network(0)
    entry = network.add_input("x", trt.float32, (4,))
    total = network.add_elementwise(entry, entry, trt.ElementWiseOperation.SUM).get_output(0)
    total.name = "y"
    network.mark_output(total)
    plan = builder.build_serialized_network(network, builder.create_builder_config())
    if plan is None:
        raise Fail("the builder made no engine")
    engine = trt.Runtime(trt.Logger(trt.Logger.ERROR)).deserialize_cuda_engine(plan)
    x = torch.arange(4, dtype=torch.float32, device="cuda")
    y = torch.empty_like(x)
    context = engine.create_execution_context()
    for name, tensor in (("x", x), ("y", y)):
        context.set_tensor_address(name, tensor.data_ptr())
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    if not context.execute_async_v3(stream.cuda_stream):
        raise Fail("the engine does not run")
    stream.synchronize()
    if y.tolist() != [0.0, 2.0, 4.0, 6.0]:
        raise Fail(f"expected [0, 2, 4, 6], got {y.tolist()}")
    return f"{len(bytes(plan))} bytes"
