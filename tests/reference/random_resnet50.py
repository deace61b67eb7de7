"""Writes the full-size ResNet-50 with random weights as torch.save does, for trying the notebooks on real photographs.

It shows the machinery, not the science: its answers mean nothing.
Run: python tests/reference/random_resnet50.py FILE.pth
"""

import sys

import torch
from torchvision.models import resnet50

torch.manual_seed(2026)
network = resnet50(weights=None).eval()
for module in network.modules():
    if isinstance(module, torch.nn.BatchNorm2d):
        torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)
        torch.nn.init.uniform_(module.running_var, 0.8, 1.2)
        torch.nn.init.uniform_(module.weight, 0.4, 0.6)
torch.save(network.state_dict(), sys.argv[1])
