"""Usage: assemble.py DESCRIPTION FOLDER. Completes the node in FOLDER by its description.

- `install.py` runs where the description says so, without a network; a script that fails fails the build.
- `strata-node.json` says where a node comes from, since there is no `.git`.
- `.tracking` lets ComfyUI-Manager take the version from pyproject.toml, as for nodes from its registry
  (read_cnr_info in its glob/cnr_utils.py wants both files).
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def files_of(folder: Path) -> list[str]:
    """All files below `folder`, as sorted relative paths."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def run_install(folder: Path) -> None:
    """Runs the node's own installation in its folder; raises CalledProcessError with its output printed."""
    environment = os.environ | {
        "PYTHONDONTWRITEBYTECODE": "1",
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    print(f"{folder.name}: install.py", flush=True)
    subprocess.run([sys.executable, "install.py"], cwd=folder, env=environment, check=True)


def describe(folder: Path, node: dict[str, Any]) -> None:
    """Writes what the checkout no longer says about itself."""
    origin = {key: node[key] for key in ("repository", "commit", "version")}
    (folder / "strata-node.json").write_text(json.dumps(origin, indent=2) + "\n", encoding="utf-8")
    if (folder / "pyproject.toml").exists():
        (folder / ".tracking").write_text("\n".join(files_of(folder)) + "\n", encoding="utf-8")


def main(description: Path, folder: Path) -> None:
    """Exits with a message for a node that is empty: its fetch went wrong."""
    node = json.loads(description.read_text(encoding="utf-8"))
    if not files_of(folder):
        sys.exit(f"{node['folder']} has no files: check its commit in locks/nodes.json")
    if node["runInstall"]:
        run_install(folder)
    describe(folder, node)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
