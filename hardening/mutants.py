"""Mutation testing of the parts that decide and edit: `python -m hardening.mutants splice`.

Runs cosmic-ray on a copy of the repository, over a seeded sample of its mutants or all of them,
each against the tests named here, and prints the score and every survivor. `--quick` leaves the
tests marked `slow` out. Needs `pip install -e '.[test,hardening]'`.
"""

import argparse
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from typing import Any, Dict, List, NamedTuple

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Part(NamedTuple):
    """What is mutated, the tests that should see it, and more for those that survive them."""

    modules: str  # files and folders
    tests: str
    more: str = (
        "tests/cli tests/run tests/report tests/auditing tests/replacements tests/formats "
        "tests/test_generated_networks.py tests/test_lowering.py tests/test_api.py"
    )


PARTS: Dict[str, Part] = {
    "splice": Part(
        "coreml_resize_fix/formats/protobuf/splice.py",
        "tests/formats/protobuf tests/files",
    ),
    "files": Part("coreml_resize_fix/files", "tests/files", "tests/hardening tests/cli tests/run"),
    "sampling": Part("coreml_resize_fix/sampling", "tests/sampling tests/conventions"),
    "auditing": Part("coreml_resize_fix/auditing", "tests/auditing tests/cli/test_text_report.py"),
    "replacements": Part(
        "coreml_resize_fix/replacements",
        "tests/replacements",
        "tests/formats tests/test_lowering.py",
    ),
    "mlprogram": Part(
        "coreml_resize_fix/formats/mlprogram",
        "tests/formats/mlprogram",
        "tests/verify tests/run/test_reference_programs.py tests/run/test_weight_files.py",
    ),
    "kernels": Part(
        "coreml_resize_fix/verify/kernels",
        "tests/verify tests/formats/mlprogram/test_execute.py "
        "tests/formats/neuralnetwork/test_layer_figures.py "
        "tests/formats/neuralnetwork/test_layers_against_torch.py",
        "tests/formats",
    ),
    "network": Part(
        "coreml_resize_fix/verify/network.py coreml_resize_fix/verify/effects.py "
        "coreml_resize_fix/verify/reference.py",
        "tests/verify tests/run/test_effects.py tests/run/test_reference_files.py "
        "tests/run/test_reference_models.py tests/run/test_reference_onnx.py "
        "tests/run/test_reference_programs.py",
        "tests/test_predict_programs.py tests/formats/mlprogram/test_execute.py tests/report",
    ),
    "edits": Part(
        "coreml_resize_fix/formats/neuralnetwork/edits.py",
        "tests/replacements tests/formats/neuralnetwork/test_declared_sizes.py "
        "tests/formats/neuralnetwork/test_names_of_parts.py tests/run/test_targets.py",
    ),
}
_CONFIGURATION = """
[cosmic-ray]
module-path = {modules}
timeout = {timeout}
excluded-modules = []
test-command = "{python} -m pytest -x -q -p no:cacheprovider {tests}"

[cosmic-ray.distributor]
name = "local"
"""


def score(part: Part, sample: int, seed: int, quick: bool) -> Dict[str, Any]:
    """Run a sample of the mutants of a part, and say how they ended."""
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "copy")
        shutil.copytree(HERE, copy, ignore=shutil.ignore_patterns(".git", ".venv*", "build"))
        config, database = os.path.join(copy, "cr.toml"), os.path.join(copy, "mutants.sqlite")
        with open(config, "w", encoding="utf-8") as file:
            file.write(_configuration(part.modules, part.tests, quick))
        _cosmic_ray(copy, "init", config, database)
        total = _keep(database, sample, seed)
        _cosmic_ray(copy, "baseline", config)
        _cosmic_ray(copy, "exec", config, database)
        with open(config, "w", encoding="utf-8") as file:
            file.write(_configuration(part.modules, part.more, quick))
        _forget_survivors(database)
        _cosmic_ray(copy, "exec", config, database)
        return {"mutants": total, **_outcomes(database)}


def _configuration(modules: str, tests: str, quick: bool) -> str:
    return _CONFIGURATION.format(
        python=sys.executable,
        modules=json.dumps(modules.split()),
        tests=f"-m 'not slow' {tests}" if quick else tests,
        timeout=120.0 if quick else 400.0,
    )


def _forget_survivors(database: str) -> None:
    """So that they are run again."""
    with sqlite3.connect(database) as base:
        base.execute("delete from work_results where lower(test_outcome) like '%survived'")


def _cosmic_ray(folder: str, *arguments: str) -> None:
    environment = dict(os.environ, PYTHONPATH=folder)
    tool = os.path.join(os.path.dirname(sys.executable), "cosmic-ray")
    subprocess.run([tool, *arguments], cwd=folder, env=environment, check=True)


def _keep(database: str, sample: int, seed: int) -> int:
    """Leave so many mutants in the database, chosen at random; returns how many there were."""
    with sqlite3.connect(database) as base:
        jobs = sorted(job for (job,) in base.execute("select job_id from work_items"))
        # Identifiers of jobs are random, the mutants that they stand for are not.
        rows = base.execute(
            "select job_id from mutation_specs order by module_path, start_pos_row, "
            "start_pos_col, operator_name, occurrence, operator_args"
        )
        ordered = [job for (job,) in rows]
        kept = set(random.Random(seed).sample(ordered, min(sample, len(ordered))))
        for job in set(jobs) - kept:
            base.execute("delete from mutation_specs where job_id = ?", (job,))
            base.execute("delete from work_items where job_id = ?", (job,))
    return len(ordered)


def _outcomes(database: str) -> Dict[str, Any]:
    survivors: List[str] = []
    counts = {"run": 0, "killed": 0, "survived": 0}
    with sqlite3.connect(database) as base:
        for outcome, diff, path, row in base.execute(
            "select test_outcome, diff, module_path, start_pos_row from work_results "
            "join mutation_specs using (job_id)"
        ):
            counts["run"] += 1
            survived = str(outcome).lower().endswith("survived")
            counts["survived" if survived else "killed"] += 1
            if survived:
                survivors.append("{}:{}\n{}".format(path, row, _changed(diff)))
    return {**counts, "survivors": survivors}


def _changed(diff: str) -> str:
    lines = [line for line in diff.splitlines() if line[:1] in "+-"]
    return "\n".join(line for line in lines if line[:3] not in ("+++", "---"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=list(PARTS))
    parser.add_argument("--sample", type=int, default=100)
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    for name in options.parts:
        found = score(PARTS[name], options.sample, options.seed, options.quick)
        survivors = found.pop("survivors")
        print(json.dumps({"part": name, **found}))
        print("\n\n".join(survivors), flush=True)


if __name__ == "__main__":
    main()
