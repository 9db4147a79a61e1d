"""Every intent in every place of an ML Program: `python -m hardening.matrix` (see `branches`)."""

import argparse
import json
from collections import Counter
from typing import Tuple


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="take every n-th place only")
    parser.add_argument("--go-on", action="store_true", help="print what fails, and go on")
    options = parser.parse_args()

    import torch

    from hardening import branches

    torch.manual_seed(0)
    counts: Counter[Tuple[str, str, str]] = Counter()
    failed = 0
    for place in branches.places()[:: options.every]:
        try:
            made = branches.ends([place])
        except AssertionError as error:
            if not options.go_on:
                raise
            failed += 1
            print(f"failed: {error}", flush=True)
            continue
        counts.update(made)
        fixed = sum(count for (_, _, end), count in made.items() if end == "fixed")
        where = f"{place.layout}, {place.sizes.before}, iOS {place.ios}, {place.precision}"
        print(f"{where}: {fixed} of {sum(made.values())} fixed", flush=True)
    for (layout, kind, end), count in sorted(counts.items()):
        print(f"{layout}, {kind}, {count} ×: {end}")
    total: Counter[str] = Counter()
    for (_, _, end), count in counts.items():
        total[end.split(":")[0]] += count
    print(json.dumps({"calls": sum(total.values()), **total, "failed": failed}))


if __name__ == "__main__":
    main()
