"""A package that has no wheel installs in the running container: C against Python's headers, Fortran, a BLAS, by CMake.

Nothing is fetched: the source distribution is made here, with a build backend of its own.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tarfile
import tempfile
import textwrap
from pathlib import Path

from lib.check import Check
from lib.result import Fail, Skip

TITLE = "build tools"
VENV = True
NEEDS = "buildTools"
DEADLINE = 300

NAME, VERSION = "strata_smoke_built", "1.0"
# 2 * (1*4 + 2*5 + 3*6)
EXPECTED = 64.0

PYPROJECT = f"""
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "{NAME}"
version = "{VERSION}"
"""

BACKEND = f"""
import subprocess, sysconfig, zipfile
from pathlib import Path

TAG = "py3-none-any"
INFO = "{NAME}-{VERSION}.dist-info"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    include = sysconfig.get_path("include")
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    options = ["-DPYTHON_INCLUDE=" + include, "-DSUFFIX=" + suffix]
    subprocess.run(["cmake", "-G", "Ninja", "-S", ".", "-B", "made", *options], check=True)
    subprocess.run(["cmake", "--build", "made"], check=True)
    name = "{NAME}-{VERSION}-" + TAG + ".whl"
    with zipfile.ZipFile(Path(wheel_directory, name), "w") as wheel:
        wheel.write("made/{NAME}" + suffix, "{NAME}" + suffix)
        wheel.writestr(INFO + "/METADATA", "Metadata-Version: 2.1\\nName: {NAME}\\nVersion: {VERSION}\\n")
        wheel.writestr(INFO + "/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: false\\nTag: " + TAG + "\\n")
        wheel.writestr(INFO + "/RECORD", "")
    return name
"""

CMAKE = f"""
cmake_minimum_required(VERSION 3.18)
project({NAME} C CXX Fortran)
find_package(BLAS REQUIRED)
add_library({NAME} MODULE module.c twice.f90 check.cpp)
target_include_directories({NAME} PRIVATE "${{PYTHON_INCLUDE}}")
target_link_libraries({NAME} PRIVATE ${{BLAS_LIBRARIES}})
set_target_properties({NAME} PROPERTIES PREFIX "" SUFFIX "${{SUFFIX}}" LIBRARY_OUTPUT_DIRECTORY "${{CMAKE_BINARY_DIR}}")
"""

MODULE = f"""
#include <Python.h>

extern double ddot_(int *n, double *x, int *incx, double *y, int *incy);
extern void twice_(double *x);
extern double checked(double x);

static PyObject *compute(PyObject *self, PyObject *unused) {{
    double x[] = {{1, 2, 3}}, y[] = {{4, 5, 6}};
    int n = 3, step = 1;
    double result = ddot_(&n, x, &step, y, &step);
    twice_(&result);
    return PyFloat_FromDouble(checked(result));
}}

static PyMethodDef methods[] = {{{{"compute", compute, METH_NOARGS, ""}}, {{NULL, NULL, 0, NULL}}}};
static struct PyModuleDef definition = {{PyModuleDef_HEAD_INIT, "{NAME}", "", -1, methods}};
PyMODINIT_FUNC PyInit_{NAME}(void) {{ return PyModule_Create(&definition); }}
"""

FORTRAN = """
subroutine twice(x) bind(c, name="twice_")
  use iso_c_binding
  real(c_double), intent(inout) :: x
  x = 2 * x
end subroutine
"""

CPLUSPLUS = """
#include <algorithm>

extern "C" double checked(double x) { return std::max(x, 0.0); }
"""

FILES = {
    "pyproject.toml": PYPROJECT,
    "backend.py": BACKEND,
    "CMakeLists.txt": CMAKE,
    "module.c": MODULE,
    "twice.f90": FORTRAN,
    "check.cpp": CPLUSPLUS,
}


def run(check: Check) -> None:
    """One package, from its source to a number."""
    with check.step("source-package", "a package without a wheel is compiled and computes") as step:
        if importlib.util.find_spec("pip") is None:
            raise Skip("the image has no pip")
        with tempfile.TemporaryDirectory() as folder:
            source = write_source(Path(folder))
            install(source, Path(folder, "installed"))
            step.note = judge(compute(Path(folder, "installed")))


def write_source(folder: Path) -> Path:
    """The source distribution."""
    root = f"{NAME}-{VERSION}"
    (folder / root).mkdir()
    for name, text in FILES.items():
        (folder / root / name).write_text(textwrap.dedent(text).lstrip())
    (folder / root / "PKG-INFO").write_text(f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n")
    archive = folder / f"{root}.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(folder / root, arcname=root)
    return archive


def install(source: Path, target: Path) -> None:
    """As a person does, beside the image's own packages; raises Fail with what the compilers said."""
    command = ["-m", "pip", "install", "--no-index", "--no-cache-dir", "--target", str(target), str(source)]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = done.stdout + done.stderr
        missing = next((line.strip() for line in said.splitlines() if "CMake Error" in line or "not found" in line), "")
        raise Fail(f"pip cannot build it{f': {missing}' if missing else ''}", said[-4000:])


def compute(installed: Path) -> float:
    """What the compiled function says, in a process of its own."""
    program = f"import {NAME}; print({NAME}.compute())"
    variables = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Fail("what was compiled does not load", done.stderr[-2000:])
    return float(done.stdout)


def judge(result: float) -> str:
    """Raises Fail for another number."""
    if result != EXPECTED:
        raise Fail(f"it computes {result} in place of {EXPECTED}")
    return "CMake, Ninja, C, C++, Fortran, BLAS"
