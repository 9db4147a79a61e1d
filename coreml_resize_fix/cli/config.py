"""Defaults of options: `[tool.coreml-resize-fix]` in the nearest pyproject.toml that has it."""

import os
import sys
from typing import Any, Dict, List, NamedTuple, NoReturn, Optional, Sequence, Set, Tuple

import click

from coreml_resize_fix.errors import UsageError, reason, told

TYPED = __name__ + ".typed"  # in a context's `meta`: the arguments as they were typed
_FILE, _TABLE, _MODELS = "pyproject.toml", "coreml-resize-fix", "models"
# The command line's choice of one leaves no room for the other's default.
_EXCLUDE_EACH_OTHER = ("output", "in_place")
_FOR_A_REFERENCE = ("tolerance", "runtime")


class Config(NamedTuple):
    """A table as it was found: the file, and its values by key."""

    path: str
    values: Dict[str, Any]


class ConfiguredCommand(click.Command):
    """A command whose long options, and models, have defaults in pyproject.toml.

    The command line wins; `--no-dry-run` and the like are without a flag that the table has.
    """

    def parse_args(self, context: click.Context, args: List[str]) -> List[str]:
        context.meta[TYPED] = tuple(args)
        args, refused = _split_negations(self, args)
        given, _, order = self.make_parser(context).parse_args(list(args))
        ends_at_once = any(parameter.is_eager for parameter in order)
        if not context.resilient_parsing and not ends_at_once:
            names = {str(parameter.name) for parameter in order}
            context.default_map, models = _defaults(self, names | refused)
            named = given.get(_MODELS)  # without any, versions of click have other values
            if not (isinstance(named, tuple) and named):
                args = [*args, *(["--"] if models and "--" not in args else []), *models]
        return super().parse_args(context, args)


def find(folder: str) -> Optional[Config]:
    """The table of the nearest file that has one, in `folder` or above.

    Raises:
        UsageError: a file that mentions it cannot be read, or is not TOML.
    """
    while True:
        path = os.path.join(folder, _FILE)
        values = _read(path) if os.path.isfile(path) else None
        if values is not None:
            return Config(path, values)
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def _read(path: str) -> Optional[Dict[str, Any]]:
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise UsageError(
            f"cannot read `{path}`: {reason(error)}", "it may have defaults of this command"
        ) from error
    if _TABLE.encode() not in content:
        return None
    # Imported where a file mentions this command: most do not.
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        tool = tomllib.loads(content.decode("utf-8")).get("tool")
    except (ValueError, RecursionError) as error:
        raise UsageError(f"`{path}` is not TOML: {told(error)}", "correct it") from error
    values = tool.get(_TABLE) if isinstance(tool, dict) else None
    if values is not None and not isinstance(values, dict):
        raise UsageError(
            f"`tool.{_TABLE}` of `{path}` is not a table", f"begin it `[tool.{_TABLE}]`"
        )
    return values


def _defaults(command: click.Command, given: Set[str]) -> Tuple[Dict[str, Any], Tuple[str, ...]]:
    """Values by the names of parameters, and models; a sentence ends the run if one is wrong."""
    from coreml_resize_fix.cli import terminal
    from coreml_resize_fix.run.results import Failure

    try:
        config = find(_working_folder())
        values = {} if config is None else _checked(command, config)
    except UsageError as error:
        sys.exit(terminal.complain(Failure.from_error(error)).exit_code)
    models = values.pop(_MODELS, ())
    for one, other in (_EXCLUDE_EACH_OTHER, _EXCLUDE_EACH_OTHER[::-1]):
        if one in given:
            values.pop(other, None)
    if "reference" not in given | set(values):
        for name in _FOR_A_REFERENCE:
            values.pop(name, None)
    return {name: value for name, value in values.items() if name not in given}, models


def _working_folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return os.sep


def _checked(command: click.Command, config: Config) -> Dict[str, Any]:
    """The values by the names of parameters; paths as they are from the working folder.

    Raises:
        UsageError: a key is unknown, or a value not of its kind.
    """
    known = _by_key(command)
    values = {}
    for key, value in config.values.items():
        if key not in known:
            _refuse_key(config, key, list(known))
        values[str(known[key].name)] = _value(config, key, known[key], value)
    return values


def _by_key(command: click.Command) -> Dict[str, click.Parameter]:
    found: Dict[str, click.Parameter] = {}
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            found[_MODELS] = parameter
        elif not parameter.is_eager:
            found.update({o[2:]: parameter for o in parameter.opts if o.startswith("--")})
    return found


def _refuse_key(config: Config, key: str, known: Sequence[str]) -> NoReturn:
    from difflib import get_close_matches

    near = get_close_matches(key.lower().replace("_", "-"), known, 1)
    raise UsageError(
        f"`tool.{_TABLE}` of `{config.path}` has an unknown key `{key}`",
        f"did you mean `{near[0]}`?" if near else f"the keys are {', '.join(sorted(known))}",
    )


def _value(config: Config, key: str, parameter: click.Parameter, value: Any) -> Any:
    if key == _MODELS:
        paths = [value] if isinstance(value, str) else value
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            _refuse_value(config, key, "it is a list of paths")
        return tuple(_from_here(config, path) for path in paths)
    kinds, what = _kind(parameter)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        _refuse_value(config, key, f"it is {what}")
    try:
        value = parameter.type.convert(value, parameter, None)
    except click.UsageError as error:
        _refuse_value(config, key, error.message)
    return _from_here(config, value) if isinstance(parameter.type, click.Path) else value


def _kind(parameter: click.Parameter) -> Tuple[Tuple[type, ...], str]:
    if getattr(parameter, "is_flag", False):
        return (bool,), "true or false"
    if isinstance(parameter.type, click.types.FloatParamType):
        return (int, float), "a number"
    if isinstance(parameter.type, click.types.IntParamType):
        return (int,), "a whole number"
    return (str,), "text in quotes"


def _refuse_value(config: Config, key: str, says: str) -> NoReturn:
    raise UsageError(f"`{key}` of `{config.path}` is not of its kind", says)


def _from_here(config: Config, path: str) -> str:
    """A path, which is relative to the file that names it, as it is from the working folder."""
    folder = os.path.relpath(os.path.dirname(config.path))
    if path in ("", "-") or folder == os.curdir:
        return path
    return os.path.join(folder, path)


def _split_negations(command: click.Command, args: Sequence[str]) -> Tuple[List[str], Set[str]]:
    """The arguments without `--no-…` of flags that have no such option, and the flags' names."""
    flags = {
        f"--no-{key}": str(parameter.name)
        for key, parameter in _by_key(command).items()
        if getattr(parameter, "is_flag", False) and not parameter.secondary_opts
    }
    end = args.index("--") if "--" in args else len(args)
    refused = {flags[arg] for arg in args[:end] if arg in flags}
    return [*(arg for arg in args[:end] if arg not in flags), *args[end:]], refused
