"""Where things lie: beside this file, below --base-directory, or where an option of its own says."""

from __future__ import annotations

import argparse
from pathlib import Path

HERE = Path(__file__).resolve().parent


def parse() -> argparse.Namespace:
    """The options that matter here; ComfyUI has many more, which are accepted."""
    parser = argparse.ArgumentParser(prog="ComfyUI")
    parser.add_argument("--listen", nargs="?", default="127.0.0.1", const="0.0.0.0")
    parser.add_argument("--port", type=int, default=8188)
    parser.add_argument("--base-directory", type=Path, default=HERE)
    parser.add_argument("--output-directory", type=Path)
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--disable-all-custom-nodes", action="store_true")
    return parser.parse_known_args()[0]


args = parse()
output_directory = args.output_directory or args.base_directory / "output"
# The image's nodes, then those of the volume.
custom_nodes = list(dict.fromkeys([HERE / "custom_nodes", args.base_directory.resolve() / "custom_nodes"]))
