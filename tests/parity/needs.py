"""Imports numpy and PyTorch for the other scripts, or reports what is missing."""
import sys

try:
    import numpy as np
    import torch
    import torch.distributed as dist
    import torch.multiprocessing as mp
    from torch.distributed.algorithms.ddp_comm_hooks import default_hooks, powerSGD_hook
except ImportError as missing:
    sys.exit(f"{missing}: this script needs LibTorch's Python side and what that imports; run "
             "`pip install typing_extensions sympy networkx jinja2 filelock fsspec numpy` in the "
             "environment that has torch (one built for CUDA also wants nvidia-cufile, "
             "nvidia-cusparselt-cu13 and nvidia-nvshmem-cu13).")


class Bucket:
    """The part of dist.GradBucket that hooks use; Python cannot construct one. One flat buffer."""

    def __init__(self, matrices):
        self.shapes = [torch.Size(m.shape) for m in matrices]
        self.flat = torch.from_numpy(np.concatenate([m.ravel() for m in matrices]))

    def buffer(self):
        return self.flat

    def gradients(self):
        views, at = [], 0
        for shape in self.shapes:
            views.append(self.flat[at:at + shape.numel()].view(shape))
            at += shape.numel()
        return views

    def index(self):
        return 0

    def is_last(self):
        return True
