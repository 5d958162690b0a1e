"""A small ComfyUI for tests: its options, its log, its interface and how it loads custom nodes, without torch."""

import logging
import signal
import sys

logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
LOG = logging.getLogger("comfyui")

import comfyui_version
import nodes

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    nodes.run_prestartup_scripts()
    LOG.info("Python version: %s", sys.version)
    LOG.info("ComfyUI version: %s", comfyui_version.__version__)
    nodes.load_custom_nodes()
    import server

    server.serve()
