#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every C file is as the formatter would write it.

usage: format.py CLANG_FORMAT ROOT
"""
import subprocess
import sys
from pathlib import Path

import sources


def main(formatter, root):
    files = [str(path) for path in sources.tracked(root) if path.suffix in (".c", ".h")]
    if not files:
        print(f"{root}: no C files")
        return 1
    result = subprocess.run([formatter, "--dry-run", "-Werror", *files], cwd=Path(root),
                            capture_output=True, text=True, check=False)
    wrong = sorted({line.split(":")[0] for line in result.stderr.splitlines() if ": error:" in line})
    for path in wrong:
        print(f"{path}: not formatted: {Path(formatter).name} -i {path}")
    if result.returncode != 0 and not wrong:
        print(result.stderr)
    return 1 if result.returncode != 0 else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2]))
