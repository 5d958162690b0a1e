"""Every kernel imports, and every extension module in this stage really loads.

An import proves little: xformers imports with a warning when its compiled part is useless.
"""

import ctypes
import importlib
import os
import sys
from pathlib import Path

import torch

for kernel in os.environ["KERNELS"].split():
    importlib.import_module(kernel)
    print(f"{kernel} imports")

failures = []
libraries = sorted(path for path in Path("/out").rglob("*.so*") if path.is_file())
for library in libraries:
    try:
        ctypes.CDLL(str(library), mode=os.RTLD_NOW)
    except OSError as error:
        if "libcuda.so.1" not in str(error):  # the driver's, absent while building
            failures.append(f"{library}: {error}")
print(f"{len(libraries) - len(failures)} of {len(libraries)} extension modules load with torch {torch.__version__}")
sys.exit("\n".join(failures) or 0)
