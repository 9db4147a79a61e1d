"""One process that infers the shapes of ONNX files for many tests, instead of one for each file."""

import os
from typing import Any, Optional

from coreml_resize_fix.intents.onnx import infer

# Before a test changes it: those about the process itself start one each time.
START_ANOTHER = infer._start_child


class KeptChild:
    """A child that outlives its context; with `start`, what `infer._start_child` is."""

    def __init__(self) -> None:
        self.child: Any = None
        self.owner = 0

    def start(self) -> "Optional[KeptChild]":
        if self.owner != os.getpid() or not self.answers():  # a fork would read our answers
            self.end()
            self.child, self.owner = START_ANOTHER(), os.getpid()
        return None if self.child is None else self

    def answers(self) -> bool:
        import onnx

        model = onnx.ModelProto()
        return self.child is not None and infer._ask_child(self.child, model) is not model

    def end(self) -> None:
        if self.child is not None and self.owner == os.getpid():
            self.child.kill()
            self.child.communicate()

    @property
    def stdin(self) -> Any:
        return self.child.stdin

    @property
    def stdout(self) -> Any:
        return self.child.stdout

    def kill(self) -> None:
        """Not now: the next test asks it, too."""

    communicate = kill
