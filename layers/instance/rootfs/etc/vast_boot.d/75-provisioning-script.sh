#!/bin/bash
# PROVISIONING_SCRIPT, once. ComfyUI starts after it.
instance provisioning
