#!/bin/bash
# ComfyUI's code of this image into the workspace; what people made there stays.
instance sync-workspace
