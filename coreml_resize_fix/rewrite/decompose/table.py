"""The replacements made of several layers, what each costs, and the cheapest for a case."""

from typing import Any, Callable, List, NamedTuple, Optional, Tuple, Union

from coreml_resize_fix.coreml.versions import minimum_ios
from coreml_resize_fix.rewrite.decompose import filters, fixed
from coreml_resize_fix.rewrite.decompose.chain import Steps, assemble
from coreml_resize_fix.rewrite.decompose.context import Context

__all__ = ["REPLACEMENTS", "Choice", "Cost", "Replacement", "cheapest"]

# Networks that map inputs to their exact rank have it at least.
_EXACT_MAPPING_VERSION = 4

# Weights of one replacement, 64 MiB of float32: matrices between sides of 4096 pixels. They are in
# memory several times while they are built and compared.
_MOST_WEIGHTS = 1 << 24


class Cost(NamedTuple):
    """What a replacement costs, in the order in which two are compared.

    layers: how many stand in for the one. multiply_adds: per image, of all channels (of one, if
    their number is not known), at the default size. bytes: of the layers in the file.
    """

    layers: int
    multiply_adds: int
    bytes: int


class Replacement(NamedTuple):
    """A chain of layers that may compute an intent.

    Whether it does is never stated here: `steps` builds the layers from the intent's own map,
    and gives None unless they make up that map to 1e-9.

    spec_version: the lowest that has the layers. follows_flexible: works at any input size.
    needs: what it asks of the case, in words.
    """

    name: str
    spec_version: int
    follows_flexible: bool
    needs: str
    steps: Callable[[Context], Optional[Steps]]

    def version(self, context: Context) -> int:
        """The lowest specificationVersion of a network with these layers."""
        return max(self.spec_version, _EXACT_MAPPING_VERSION if context.exact_mapping else 1)

    def build(self, context: Context) -> Optional[List[Any]]:
        """The NeuralNetworkLayer messages, in order of execution; None if they cannot express it.

        The last one has the name and the output blob of the layer that is replaced.
        """
        choice = self.choose(context)
        return None if choice is None else choice.layers

    def cost(self, context: Context) -> Optional[Cost]:
        """What the layers cost; None if they cannot express it."""
        choice = self.choose(context)
        return None if choice is None else choice.cost

    def choose(self, context: Context) -> Optional["Choice"]:
        """The layers with their cost; None if they cannot express it."""
        chain = self.chain(context)
        return None if chain is None else self.made(context, chain)

    def chain(self, context: Context) -> Optional[Steps]:
        """The steps of the layers; None if they cannot express it, or not in a file."""
        if context.is_flexible and not self.follows_flexible:
            return None
        chain = self.steps(context)
        return chain if chain and sum(step.weights for step in chain) <= _MOST_WEIGHTS else None

    def made(self, context: Context, chain: Steps) -> "Choice":
        """The layers of these steps, with their cost."""
        layers = assemble(context, chain)
        size = sum(layer.ByteSize() for layer in layers)
        return Choice(self, layers, Cost(*_effort(chain), bytes=size), self.version(context))


class Choice(NamedTuple):
    """A replacement built for one case. `spec_version` is what its layers need of the network."""

    replacement: Replacement
    layers: List[Any]
    cost: Cost
    spec_version: int


def _effort(chain: Steps) -> Tuple[int, int]:
    """Layers and multiply-adds of a chain."""
    constants = {step.constant for step in chain} - {None}
    return len(chain) + len(constants), sum(step.multiply_adds for step in chain)


REPLACEMENTS: Tuple[Replacement, ...] = (
    Replacement(
        "deconvolution",
        1,
        True,
        "a whole factor up along each axis, a known number of channels and rank",
        filters.deconvolution,
    ),
    Replacement(
        "strided convolution",
        1,
        True,
        "one over a whole factor along each axis, a known number of channels and rank",
        filters.strided_convolution,
    ),
    Replacement(
        "Upsample and crop",
        1,
        True,
        "half-pixel bilinear by odd whole factors",
        filters.upsample_and_crop,
    ),
    Replacement(
        "CropResize",
        3,
        False,
        "bilinear at evenly spaced points, a known rank, no sequence dimension",
        fixed.crop_resize,
    ),
    Replacement("gather", 4, False, "one pixel per output, EXACT_ARRAY_MAPPING", fixed.gather),
    Replacement("matrix product", 4, False, "EXACT_ARRAY_MAPPING", fixed.matrices),
    Replacement("1×1 convolution", 1, False, "rank 5", fixed.matrices_as_convolutions),
)


def cheapest(context: Context, spec_version: int) -> Union[Choice, str]:
    """The cheapest replacement that a specification version allows, or why there is none."""
    chains = [(row, row.chain(context)) for row in REPLACEMENTS]
    found = [(row, chain) for row, chain in chains if chain is not None]
    allowed = [pair for pair in found if pair[0].version(context) <= spec_version]
    if allowed:
        least = min(_effort(chain) for _, chain in allowed)
        # Only the layers that may be chosen are built: matrices of large images take their time.
        equals = [pair for pair in allowed if _effort(pair[1]) == least]
        return min((row.made(context, chain) for row, chain in equals), key=_cost)
    if found:
        row = min(found, key=lambda pair: pair[0].version(context))[0]
        version = row.version(context)
        return "`{}` computes it from iOS {} on".format(row.name, minimum_ios(version))
    rows = [row for row in REPLACEMENTS if row.follows_flexible or not context.is_flexible]
    reason = "the size varies, and {}" if context.is_flexible else "{}"
    return reason.format(
        "no layers compute it: "
        + "; ".join("`{}` needs {}".format(row.name, row.needs) for row in rows)
    )


def _cost(choice: Choice) -> Cost:
    return choice.cost
