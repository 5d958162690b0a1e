"""Fetches the models of a manifest: several connections, resumed after a cut, verified, put in place whole.

    python3 -m strata_models --manifest models.json --root /opt/comfyui --cache /cache

Exit status: 0 everything is there and verified, 1 something is not (the last lines say what), 143 on SIGTERM. Tokens
come from HF_TOKEN and CIVITAI_TOKEN, from the files that HF_TOKEN_FILE and CIVITAI_TOKEN_FILE name, or from
/run/secrets/hf_token and /run/secrets/civitai_token. HF_ENDPOINT stands in for https://huggingface.co.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from .access import Access
from .fetch import Settings, end_on_sigterm, fetch_all
from .manifest import read_manifest
from .problem import Problem


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, required=True, help="JSON: entries as locks/models.json has them")
    parser.add_argument("--root", type=Path, required=True, help="where models go, by their folders")
    parser.add_argument("--cache", type=Path, help="what is not whole yet; kept (default: .strata-models in the root)")
    parser.add_argument("--connections", type=int, default=Settings.connections, help="for one file (default: 8)")
    parser.add_argument("--tries", type=int, default=Settings.tries, help="in a row that bring nothing (default: 8)")
    parser.add_argument("--pause", type=float, default=Settings.pause, help="seconds before a second try (default: 1)")
    parser.add_argument("--interval", type=float, default=Settings.interval, help="seconds between lines (default: 5)")
    options = parser.parse_args()
    settings = Settings(
        options.root,
        options.cache or options.root / ".strata-models",
        options.connections,
        options.tries,
        options.pause,
        options.interval,
    )
    end_on_sigterm()
    try:
        problems = fetch_all(read_manifest(options.manifest.read_text()), settings, Access(os.environ))
    except (Problem, OSError) as error:
        problems = [str(error)]
    for problem in problems:
        print(f"strata: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
