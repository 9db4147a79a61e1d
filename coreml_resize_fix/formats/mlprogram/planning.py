"""Plan the edits of a program that change its resizes."""

from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence

from coreml_resize_fix.errors import UsageError
from coreml_resize_fix.formats.mlprogram import constant_sizes, edits, storing
from coreml_resize_fix.formats.mlprogram.chain import steps_of
from coreml_resize_fix.formats.mlprogram.locate import Place
from coreml_resize_fix.formats.mlprogram.network import ProgramNetwork
from coreml_resize_fix.formats.mlprogram.operation_chains import Group
from coreml_resize_fix.formats.mlprogram.program import Program
from coreml_resize_fix.formats.mlprogram.steps import Step
from coreml_resize_fix.formats.model import Change, Plan
from coreml_resize_fix.formats.model_folder import ModelFolder
from coreml_resize_fix.formats.protobuf.wire import Source
from coreml_resize_fix.formats.shapes import ModelShapes


class Subject(NamedTuple):
    """A program in its file: `place` is where its Model message lies there."""

    label: str
    source: Source
    place: Place
    program: Program
    functions: Sequence[ProgramNetwork]
    beside: Optional[ModelFolder]


def plan(
    subject: Subject,
    changes: Sequence[Change],
    before: Mapping[str, ModelShapes],
    after: Mapping[str, ModelShapes],
) -> Plan:
    """The edits, with what follows them: declared sizes, the opset, numbers in a weight file.

    `before` and `after` are the shapes of each function, by its prefix, without and with them.

    Raises:
        UsageError: a function cannot be changed; says why.
    """
    program = subject.program
    if not changes:
        return Plan((), program.spec_version)
    version = max(change.spec_version for change in changes)
    stored = storing.store(program, subject.beside, _steps(subject, changes, before, after))
    if isinstance(stored, str):
        raise UsageError(
            f"`{subject.label}` cannot be changed: {stored}",
            "use a package with its weights, or leave `--decompose` out",
        )
    wanted = edits.Rewrite(
        stored.steps,
        _by_name(subject, before),
        _by_name(subject, after),
        version,
        groups(subject.functions),
    )
    refusal = edits.refusal(program, wanted)
    if refusal is not None:
        raise UsageError(
            f"`{subject.label}` cannot be changed: {refusal}",
            "audit it with `--dry-run` and no intent, and convert it again for one target",
        )
    found = edits.edits(subject.source, program, wanted, subject.place)
    return Plan(tuple(found), max(program.spec_version, version), stored.appended)


def groups(functions: Sequence[ProgramNetwork]) -> Dict[str, Group]:
    """The operations that stand in for one resize together, by the address of the last."""
    return {address: group for function in functions for address, group in function.groups.items()}


def _steps(
    subject: Subject,
    changes: Sequence[Change],
    before: Mapping[str, ModelShapes],
    after: Mapping[str, ModelShapes],
) -> Dict[str, List[Step]]:
    """The new operations by the address of the old: of resizes, and of those that hold a size."""
    found: Dict[str, List[Step]] = {}
    for one in subject.functions:
        rewritten = constant_sizes.steps(one.function, before[one.prefix], after[one.prefix])
        found.update((address, list(steps)) for address, steps in rewritten.items())
    found.update((change.address, list(steps_of(change.op))) for change in changes)
    return found


def _by_name(subject: Subject, shapes: Mapping[str, ModelShapes]) -> Dict[str, ModelShapes]:
    return {one.function.name: shapes[one.prefix] for one in subject.functions}
