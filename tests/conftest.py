"""What holds for all tests."""

import gc
import signal
from collections import defaultdict

import pytest
from hypothesis import HealthCheck, settings

# The same examples in each run, and no test that a clock or the luck of a draw decides. By hand,
# others are tried each time: `pytest --hypothesis-profile explore`.
EVERYWHERE = {"deadline": None, "suppress_health_check": list(HealthCheck), "print_blob": True}
settings.register_profile("same", derandomize=True, database=None, **EVERYWHERE)
settings.register_profile("explore", derandomize=False, **EVERYWHERE)
settings.load_profile("same")

ENDING = [getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n)]


@pytest.fixture(autouse=True)
def signals_as_a_terminal_starts_it():
    """`nohup`, or a shell that runs the tests beside it, switches some off for all that follow."""
    ignored = [number for number in ENDING if signal.getsignal(number) == signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture(scope="session", autouse=True)
def one_process_infers_shapes():
    """Each ONNX file that is read starts a Python with onnx: the tests share one."""
    from tests.support.kept_inference import START_ANOTHER, KeptChild, infer

    kept = KeptChild()
    infer._start_child = kept.start
    yield
    infer._start_child = START_ANOTHER
    kept.end()


@pytest.hookimpl(tryfirst=True)  # before `-m` looks at the markers
def pytest_collection_modifyitems(items):
    """`@pytest.mark.mostly_slow(quick=5)`: all cases but five, evenly spread, are slow."""
    tests = defaultdict(list)
    for item in items:
        mark = item.get_closest_marker("mostly_slow")
        if mark is not None:
            tests[item.nodeid.split("[")[0], mark.kwargs["quick"]].append(item)
    for (_, quick), cases in tests.items():
        kept = {number * len(cases) // quick for number in range(quick)}
        for number, item in enumerate(cases):
            if number not in kept:
                item.add_marker(pytest.mark.slow)


@pytest.hookimpl(hookwrapper=True)
def pytest_collection():
    """No garbage is looked for among tests, which all stay: not now, and not by coremltools.

    That collects it at every conversion, and would walk over all of them.
    """
    gc.disable()
    yield
    gc.freeze()
    gc.enable()
