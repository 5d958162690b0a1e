"""torch, torchvision and torchaudio import together, with the CUDA version that the product says.

Each of them compares its own CUDA version with torch's when it is imported or asked. Run by verify-in-place.sh.
"""

import importlib
import importlib.util
import os
import sys

import torch

versions = [f"torch {torch.__version__}"]
for name in ("torchvision", "torchaudio"):
    if importlib.util.find_spec(name):
        versions.append(f"{name} {importlib.import_module(name).__version__}")
if importlib.util.find_spec("torchvision"):
    importlib.import_module("torchvision.extension")._check_cuda_version()
if torch.version.cuda != os.environ["CUDA"]:
    sys.exit(f"torch is built for CUDA {torch.version.cuda}, the product says {os.environ['CUDA']}")
print(f"{', '.join(versions)} import together, CUDA {torch.version.cuda}")
