"""Print how fast the tool is, as ratios measured side by side on this machine.

    python benchmarks/run.py [--rounds 5] [--only startup layers] [--folder /somewhere/large]

Everything takes about ten minutes, 10 GB of memory (for coremltools) and 5 GB of disk.
"""

import argparse
import compileall
import importlib
import os
import platform
import sys
import tempfile

from measure import HEAD, REPOSITORY

GROUPS = ("startup", "batch", "layers", "programs", "files", "resize", "networks")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=GROUPS)
    parser.add_argument("--folder", help="where models are made; a temporary one by default")
    options = parser.parse_args()
    compileall.compile_dir(os.path.join(REPOSITORY, "coreml_resize_fix"), quiet=2)
    print(
        "Python {}, {} on {} cores, {} rounds; each figure is a ratio within one round".format(
            platform.python_version(), platform.machine(), os.cpu_count(), options.rounds
        )
    )
    print(HEAD)
    missed = 0
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for group in options.only:
            for row in importlib.import_module(group).rows(options.rounds, folder):
                print(row)
                sys.stdout.flush()
                missed += row.target is not None and row.median > row.target
    print("{} missed".format(missed) if missed else "all targets met")


if __name__ == "__main__":
    main()
