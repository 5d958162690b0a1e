"""Usage: leave_out.py SITE_PACKAGES LIST. Removes installed files that nothing loads, and takes them out of RECORD.

LIST has for each kind of file the distributions that bring it, patterns of RECORD, and a reason. A notice beside RECORD
names what went; the stage `verify` asks all Python stages whether anybody names one of these files.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import sys
from fnmatch import fnmatch
from pathlib import Path

NOTICE = "strata-left-out.json"


def leave_out(site_packages: Path, info: Path, patterns: list[str], reason: str) -> str:
    """Says what was done; raises ValueError where the distribution has no such file."""
    record = info / "RECORD"
    rows = list(csv.reader(record.read_text(encoding="utf-8").splitlines()))
    gone = [row[0] for row in rows if any(fnmatch(row[0], pattern) for pattern in patterns)]
    for pattern in patterns:
        if not any(fnmatch(path, pattern) for path in gone):
            raise ValueError(f"{info.name} has no {pattern}: mend layers/cuda/left-out.json")
    size = sum((site_packages / path).stat().st_size for path in gone)
    for path in gone:
        (site_packages / path).unlink()
    notice = f"{json.dumps({'reason': reason, 'files': gone}, indent=2)}\n".encode()
    (info / NOTICE).write_bytes(notice)
    digest = base64.urlsafe_b64encode(hashlib.sha256(notice).digest()).rstrip(b"=").decode()
    kept = [row for row in rows if row[0] not in gone]
    kept.append([f"{info.name}/{NOTICE}", f"sha256={digest}", str(len(notice))])
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(kept)
    record.write_text(text.getvalue(), encoding="utf-8")
    return f"{info.name}: {size / 1e6:.1f} MB left out, {', '.join(path.rpartition('/')[2] for path in gone)}"


def main(site_packages: Path, listed: Path) -> None:
    """Every kind of file has one distribution in the stage that brings it."""
    for kind in json.loads(listed.read_text(encoding="utf-8")):
        found = [
            info
            for name in kind["distributions"]
            for info in site_packages.glob(f"{name.replace('-', '_')}-[0-9]*.dist-info")
        ]
        if len(found) != 1:
            raise ValueError(f"{' and '.join(kind['distributions'])} are there {len(found)} times")
        print(leave_out(site_packages, found[0], kind["files"], kind["reason"]))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except ValueError as error:
        sys.exit(str(error))
