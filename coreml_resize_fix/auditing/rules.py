"""Every finding code: its name, how bad it is, and what to do. Docs and reports read this table."""

from typing import Dict, NamedTuple

from coreml_resize_fix.auditing.codes import Code


class Rule(NamedTuple):
    """`help` is what to do next (empty: nothing to do)."""

    code: Code
    severity: str  # error: the values are wrong; warning: nothing could be compared; note
    summary: str
    help: str

    @property
    def name(self) -> str:
        """What is wrong, in kebab-case."""
        return self.code.name.lower().replace("_", "-")


_TABLE = (
    Rule(
        Code.SHIFTED_GRID,
        "error",
        "the layer reads at other positions than the framework did, so the map is shifted",
        "run without `--dry-run` to rewrite the layer",
    ),
    Rule(
        Code.WRONG_SIZE,
        "error",
        "the layer makes another size than the framework did (a truncated or lost scale factor)",
        "run without `--dry-run` to rewrite the layer with the right size",
    ),
    Rule(
        Code.NEAREST_BECAME_BILINEAR,
        "error",
        "the framework copied the nearest pixel and the layer interpolates",
        "run without `--dry-run`, with `--decompose` if it needs that; or use a whole factor",
    ),
    Rule(
        Code.ANTIALIAS_DROPPED,
        "error",
        "the framework filtered before it sampled down and the layer does not",
        "run without `--dry-run` and with `--decompose`; or resize without antialias",
    ),
    Rule(
        Code.OTHER_KERNEL,
        "error",
        "the layer interpolates with another kernel than the framework did",
        "run without `--dry-run`, with `--decompose` if it needs that; or use bilinear or nearest",
    ),
    Rule(
        Code.LAYER_ABOVE_TARGET,
        "error",
        "the layer computes the intent, but needs a newer iOS than the deployment target",
        "run without `--dry-run` to rewrite the layer for the target",
    ),
    Rule(
        Code.MODE_MISSING,
        "error",
        "a fractional factor has no `linearUpsampleMode`, so Core ML refuses the layer",
        "run without `--dry-run` to rewrite the layer in the mode that the intent asks for",
    ),
    Rule(
        Code.SIZE_DEPENDS_ON_ROUNDING,
        "error",
        "input × factor rounds down to different sizes in single and in double precision",
        "run without `--dry-run` to rewrite it with the size, or a factor that both round alike",
    ),
    Rule(
        Code.PIXEL_LEFT_OPEN,
        "error",
        "a point lies midway between two pixels, and Apple does not document which one is copied",
        "run without `--dry-run` if it is fixable; else choose sizes that are a whole multiple",
    ),
    Rule(
        Code.DIFFERS_BETWEEN_SYSTEMS,
        "note",
        "the operation computes the intent, but versions of the system were seen to differ in it",
        "run with `--rewrite-downscales` and without `--dry-run` to rewrite it",
    ),
    Rule(
        Code.NO_INTENT,
        "warning",
        "no intent says what this layer should compute",
        'add it to the manifest, with `"layer"` set to its name or address, or pass `--assume`',
    ),
    Rule(
        Code.AMBIGUOUS_INTENT,
        "warning",
        "several intents that differ fit this layer equally well",
        'set `"layer"` in the manifest to the name or address of the layer for each of them',
    ),
    Rule(
        Code.MERGED_CALLS,
        "error",
        "one layer stands for several calls that differ (a simplifier merged them)",
        "convert again without the simplifier, so that each call keeps a layer of its own",
    ),
    Rule(
        Code.CONTRADICTING_SIZES,
        "error",
        "the intent was recorded at another size than the layer gets",
        "record the manifest at the input size that the model was converted with",
    ),
    Rule(
        Code.CALL_WITHOUT_LAYER,
        "error",
        "the model has no layer for this call, which needs one",
        "convert again if the model lost it (coremltools folds a resize of constants away); if no "
        'output depends on it, write `"used": false`; if other operations compute it, as in what '
        "stablehlo-coreml writes, `--reference` shows that",
    ),
    Rule(
        Code.SIZE_DOES_NOT_FIT,
        "error",
        "no size is given, and what the layer makes contradicts the rest of the file",
        "give `size` for this layer in the manifest",
    ),
    Rule(
        Code.NOT_JUDGED,
        "error",
        "it is not known what this resize makes: a parameter is computed, or not documented",
        "convert again with a constant size or factor, or check the values yourself",
    ),
    Rule(
        Code.SIZE_UNDECIDED,
        "error",
        "the recorded sizes fit several rules, which differ at other sizes that the input allows",
        "record several examples: `record_intents(model, [example, another])`",
    ),
    Rule(
        Code.HALF_PIXEL_UNAVAILABLE,
        "error",
        "no layer up to this target samples at half-pixel centers (align_corners=False)",
        "train or fine-tune with align_corners=True (in TensorFlow, of tf.compat.v1.image)",
    ),
    Rule(
        Code.SCALE_FACTOR_GRID,
        "error",
        "no layer samples by 1/scale_factor where input × factor is not a whole number",
        "pass `size=` or `recompute_scale_factor=True` to interpolate",
    ),
    Rule(
        Code.NEAREST_NOT_INTEGER,
        "error",
        "no layer copies the nearest pixels by a factor that is not whole",
        "choose sizes that are a whole multiple",
    ),
    Rule(
        Code.KERNEL_UNAVAILABLE,
        "error",
        "no resize layer interpolates with this kernel (bicubic, area, antialias)",
        "use bilinear or nearest in the model",
    ),
    Rule(
        Code.FLEXIBLE_INPUT,
        "error",
        "no exact layer here follows the size, and a fixed one would freeze a flexible model",
        "change the model in a way that the message names; each was tried on the layer",
    ),
    Rule(
        Code.TARGET_TOO_LOW,
        "error",
        "an exact layer exists, but not for the deployment target",
        "raise `--deployment-target`",
    ),
    Rule(
        Code.SIZE_UNKNOWN,
        "warning",
        "neither the model nor the intent says which size the layer gets or should make",
        "give `size`, or `input_size` with `scale_factor`, in the manifest",
    ),
    Rule(
        Code.SEVERAL_LAYERS_NEEDED,
        "error",
        "no single layer computes it, but several layers together do so exactly",
        "pass `--decompose` to use them; they cost more at run time than one layer",
    ),
    Rule(
        Code.CANNOT_RUN,
        "error",
        "shapes do not fit at the default size of the inputs, so the model cannot run",
        "if a factor was truncated, give the resizes before it their intents; else convert again",
    ),
    Rule(
        Code.SIZES_THAT_CANNOT_RUN,
        "warning",
        "the inputs allow sizes at which the network cannot run",
        "use only the sizes that run, or convert again with inputs that allow no others",
    ),
    Rule(
        Code.OUTPUT_DIFFERS,
        "error",
        "an output of the network is not what the reference has, or was not computed",
        "fix the resizes first; what is left is named by the report, and is not their doing",
    ),
)

# What such a layer makes on a device is not known, so its error is not either.
WITHOUT_VALUES = frozenset(
    [Code.SIZE_DEPENDS_ON_ROUNDING, Code.PIXEL_LEFT_OPEN, Code.DIFFERS_BETWEEN_SYSTEMS]
)

RULES: Dict[Code, Rule] = {rule.code: rule for rule in _TABLE}
