"""Every finding code: its name, how bad it is, and what to do. Docs and reports read this table."""

from typing import Dict, NamedTuple


class Rule(NamedTuple):
    """`name` is the bad thing in kebab-case, `help` what to do next (empty: nothing to do)."""

    code: str
    name: str
    severity: str  # error: the values are wrong; warning: nothing could be compared; note
    summary: str
    help: str


_TABLE = (
    Rule(
        "RSZ101",
        "shifted-grid",
        "error",
        "the layer samples another grid than the framework did, so the map is shifted",
        "run without `--dry-run` to rewrite the layer",
    ),
    Rule(
        "RSZ102",
        "wrong-size",
        "error",
        "the layer makes another size than the framework did (a truncated or lost scale factor)",
        "run without `--dry-run` to rewrite the layer with the right size",
    ),
    Rule(
        "RSZ103",
        "nearest-became-bilinear",
        "error",
        "the framework copied the nearest pixel and the layer interpolates",
        "run without `--dry-run` if the layer is fixable; else convert with an integer factor",
    ),
    Rule(
        "RSZ104",
        "antialias-dropped",
        "error",
        "the framework filtered before it sampled down and the layer does not",
        "resize without antialias, or filter with a convolution of your own before the resize",
    ),
    Rule(
        "RSZ105",
        "other-kernel",
        "error",
        "the layer interpolates with another kernel than the framework did",
        "use a mode that Core ML has: nearest by a whole factor, or bilinear with align_corners",
    ),
    Rule(
        "RSZ106",
        "layer-above-target",
        "error",
        "the layer computes the intent, and needs a newer iOS than the deployment target",
        "run without `--dry-run` to rewrite the layer for the target",
    ),
    Rule(
        "RSZ107",
        "mode-missing",
        "error",
        "a fractional factor has no `linearUpsampleMode`, so Core ML refuses the layer",
        "run without `--dry-run` to rewrite the layer in the mode that the intent asks for",
    ),
    Rule(
        "RSZ108",
        "size-depends-on-rounding",
        "error",
        "input × factor is floored to another size in single precision than in double",
        "run without `--dry-run` to rewrite it with the size, or with a factor that is not near it",
    ),
    Rule(
        "RSZ109",
        "pixel-left-open",
        "error",
        "a point lies midway between two pixels, and nothing says which one is copied",
        "run without `--dry-run` if it is fixable; else choose sizes that are a whole multiple",
    ),
    Rule(
        "RSZ201",
        "no-intent",
        "warning",
        "nothing says what this layer was asked to do",
        'add it to the manifest, with `"layer"` set to its name, or pass `--assume`',
    ),
    Rule(
        "RSZ202",
        "ambiguous-intent",
        "warning",
        "several intents that differ fit this layer equally well",
        'set `"layer"` in the manifest to the layer\'s name for each of them',
    ),
    Rule(
        "RSZ203",
        "merged-calls",
        "error",
        "one layer stands for several calls that differ (a simplifier merged them)",
        "convert again without the simplifier, so that each call keeps a layer of its own",
    ),
    Rule(
        "RSZ204",
        "contradicting-sizes",
        "error",
        "the intent was recorded at another size than the layer gets",
        "record the manifest at the input size that the model was converted with",
    ),
    Rule(
        "RSZ205",
        "call-without-layer",
        "error",
        "no layer stands for this call, and one is owed",
        'convert again if the model lost it; if no output depends on it, say `"used": false`',
    ),
    Rule(
        "RSZ206",
        "size-does-not-fit",
        "error",
        "no size is given, and what the layer makes contradicts the rest of the file",
        "give `size` for this layer in the manifest",
    ),
    Rule(
        "RSZ207",
        "not-judged",
        "error",
        "nothing says what this resize makes: a parameter is computed, or is none that is known",
        "convert again with a constant size or factor, or check the values yourself",
    ),
    Rule(
        "RSZ208",
        "size-undecided",
        "error",
        "what was recorded fits several sizes that differ at other sizes that the input allows",
        "record several examples: `record_intents(model, [example, another])`",
    ),
    Rule(
        "RSZ301",
        "half-pixel-unavailable",
        "error",
        "no layer up to this target samples at half-pixel centers (align_corners=False)",
        "train or fine-tune with align_corners=True",
    ),
    Rule(
        "RSZ302",
        "scale-factor-grid",
        "error",
        "sampling by 1/scale_factor equals no layer where input × factor is not a whole number",
        "pass `size=` or `recompute_scale_factor=True` to interpolate",
    ),
    Rule(
        "RSZ303",
        "nearest-not-integer",
        "error",
        "nearest sampling by a factor that is not whole has no layer",
        "choose sizes that are a whole multiple",
    ),
    Rule(
        "RSZ304",
        "kernel-unavailable",
        "error",
        "no resize layer interpolates with this kernel (bicubic, area, antialias)",
        "use bilinear or nearest in the model",
    ),
    Rule(
        "RSZ305",
        "flexible-input",
        "error",
        "no exact layer here follows the size, and a fixed one would freeze a flexible model",
        "do what the message says: it was tried on the layer",
    ),
    Rule(
        "RSZ306",
        "target-too-low",
        "error",
        "an exact layer exists, but not for the deployment target",
        "raise `--deployment-target`",
    ),
    Rule(
        "RSZ307",
        "size-unknown",
        "warning",
        "neither the model nor the intent says which size the layer gets or should make",
        "give `size`, or `input_size` with `scale_factor`, in the manifest",
    ),
    Rule(
        "RSZ309",
        "several-layers-needed",
        "error",
        "no single layer computes it, and several exact ones do",
        "pass `--decompose` to use them; they cost more at run time than one layer",
    ),
    Rule(
        "RSZ401",
        "cannot-run",
        "error",
        "shapes do not fit at the default size of the inputs, so the model cannot run",
        "give the resizes before it their intents, if a factor was truncated; else convert again",
    ),
    Rule(
        "RSZ402",
        "sizes-that-cannot-run",
        "warning",
        "the inputs allow sizes at which the network cannot run",
        "use only the sizes that run, or convert again with inputs that allow no others",
    ),
)

RULES: Dict[str, Rule] = {rule.code: rule for rule in _TABLE}
