"""The smoke test library: standard library only, so that it runs in any image with a Python 3.11."""
