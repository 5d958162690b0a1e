"""torch and torchvision load beside the cuda stage's libraries and are built for the same CUDA version."""

import torch
import torchvision
from torchvision.extension import _check_cuda_version

_check_cuda_version()  # raises when torchvision's compiled part is built for another CUDA version
kept = torch.ops.torchvision.nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([1.0]), 0.5)
assert kept.tolist() == [0], "torchvision's compiled operators do not work"
print(f"torch {torch.__version__}, CUDA {torch.version.cuda}, torchvision {torchvision.__version__}")
