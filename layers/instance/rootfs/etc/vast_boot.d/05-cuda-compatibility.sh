#!/bin/bash
# CUDA's forward compatibility, where the driver is older than the image's CUDA and the GPU takes it.
instance cuda
