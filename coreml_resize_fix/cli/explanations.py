"""The long text of every finding code: why it matters, an example, and what to do."""

from typing import Dict, NamedTuple, Optional

from coreml_resize_fix.auditing.codes import Code
from coreml_resize_fix.formats.model import ResizeOp
from coreml_resize_fix.formats.neuralnetwork.parameters import ResizeBilinear, Upsample
from coreml_resize_fix.formats.shapes import Size
from coreml_resize_fix.intents.model import Intent

_DOUBLE = Upsample("BILINEAR", scaling_factor=(2, 2))
_CORNERS = Intent(align_corners=True, size=(6, 6))
_HALF = Intent(size=(6, 6))


class Example(NamedTuple):
    """A layer that gets an input of that size, and the call that it stands for."""

    layer: ResizeOp
    intent: Intent
    input_size: Size


class Explanation(NamedTuple):
    """`why` it happens and matters, `remedy` what to do; `sketch` stands in for an example."""

    why: str
    remedy: str
    example: Optional[Example] = None
    sketch: str = ""


_MERGED = """\
    calls in PyTorch                 layers in the model
    up1  align_corners=True   ──┐
    up2  align_corners=False  ──┴──  Upsample_12
"""

EXPLANATIONS: Dict[Code, Explanation] = {
    Code.SHIFTED_GRID: Explanation(
        "Upsample in Core ML reads where TensorFlow 1 read. Converters write it for every bilinear "
        "resize, so each output pixel is a mix of the wrong neighbours: what the map shows moves "
        "towards the top left, and behind several such layers a mask is off by several pixels.",
        "Run without `--dry-run`: the layer is replaced by one that reads where the framework did. "
        "If it is not fixable, the second code of the layer says what stands in the way.",
        Example(_DOUBLE, _CORNERS, (3, 3)),
    ),
    Code.WRONG_SIZE: Explanation(
        "Upsample takes whole factors before iOS 14. Converters cut 2.5 down to 2, or write 1 or 0 "
        "for a factor below 1, and the map gets another size. Whatever follows either fails to run "
        "or works on a map that shows less of the image than it should.",
        "Run without `--dry-run`: the layer is replaced by one that makes the size that was asked "
        "for. Where no size is recorded, give `size` in the manifest.",
        Example(_DOUBLE, Intent(align_corners=True, size=(8, 8)), (3, 3)),
    ),
    Code.NEAREST_BECAME_BILINEAR: Explanation(
        "Nearest neighbour copies pixels; labels, masks and indices rely on that. A layer that "
        "interpolates makes values between two labels, which stand for another class altogether.",
        "Run without `--dry-run` if the layer is fixable: a whole factor is exact on every iOS. "
        "Otherwise `--decompose` gathers the pixels, or convert with a whole factor.",
        Example(_DOUBLE, Intent(mode="nearest", size=(6, 6)), (3, 3)),
    ),
    Code.ANTIALIAS_DROPPED: Explanation(
        "With `antialias=True` PyTorch and TensorFlow average over the pixels that an output "
        "covers before they sample down. Core ML's layers do not, so thin structures appear or "
        "vanish with the place where they lie.",
        "`--decompose` writes the filter as layers of its own where that is exact. Otherwise "
        "resize without antialias, or filter with a convolution of your own before the resize.",
        Example(
            ResizeBilinear((3, 3), "ALIGN_ENDPOINTS_MODE"),
            Intent(antialias=True, size=(3, 3)),
            (6, 6),
        ),
    ),
    Code.OTHER_KERNEL: Explanation(
        "The layer reads about the right place, but weighs the pixels around it in another way: "
        "bicubic overshoots at edges and reads four pixels, bilinear two, nearest one.",
        "`--decompose` builds the kernel from several layers where that is exact; otherwise use "
        "bilinear or nearest in the network.",
        Example(_DOUBLE, Intent(mode="bicubic", size=(6, 6)), (3, 3)),
    ),
    Code.LAYER_ABOVE_TARGET: Explanation(
        "The layer is right, but iOS below 14 does not know its mode: the model does not load "
        "there.",
        "Run without `--dry-run`: the layer is rewritten for the deployment target, with "
        "`--decompose` where one layer does not suffice. Or raise `--deployment-target`.",
        Example(Upsample("BILINEAR", "ALIGN_CORNERS_FALSE", (2, 2)), _HALF, (3, 3)),
    ),
    Code.MODE_MISSING: Explanation(
        "An Upsample with a `fractionalScalingFactor` must say where it samples. DEFAULT, "
        "which an absent field means, is not defined for such a factor, and Core ML refuses the "
        "model.",
        "Run without `--dry-run` with an intent for the layer: it gives the mode that the file "
        "lacks.",
        sketch="    layer: Upsample ×2.5, linearUpsampleMode DEFAULT\n"
        "    call:  size 15×20 from 6×8, align_corners=False\n",
    ),
    Code.SIZE_DEPENDS_ON_ROUNDING: Explanation(
        "An operation of an ML Program that resizes by a factor makes ⌊input × factor⌋, and the "
        "factor is stored in single precision. Rounded down in single precision the product is "
        "one number, in double precision another. Apple does not document which one a device "
        "takes, and converters declare either. So the map has a row or a column too "
        "many on some devices.",
        "Run without `--dry-run`: the operation is rewritten with the size itself, or with a "
        "factor whose product rounds down to it in both.",
        sketch="    30 × 0.7  in single precision   21\n"
        "              in double precision   20.9999…  ⌊⌋  20\n",
    ),
    Code.PIXEL_LEFT_OPEN: Explanation(
        "`resize` of iOS 17 with NEAREST_NEIGHBOR copies the pixel that is nearest to the point "
        "of its sampling mode. Midway between two pixels it may copy either; Apple does not "
        "document which.",
        "Run without `--dry-run` with an intent for it: for a whole factor there is an operation "
        "that is documented. Else choose sizes without such points.",
        sketch="    source pixel  0       1       2\n"
        "    reads             ^\n"
        "                      0.5: pixel 0 or pixel 1?\n",
    ),
    Code.DIFFERS_BETWEEN_SYSTEMS: Explanation(
        "`upsample_bilinear` with a factor below 1 has a documented grid, and ONNX Runtime's "
        "authors saw versions of the system compute other values. `resize_bilinear` samples the "
        "same grid. Only a run with `--rewrite-downscales` reports this code; any other run prints "
        "a notice.",
        "Run with `--rewrite-downscales` and without `--dry-run`, or leave the option out to keep "
        "the operation.",
        sketch="    8 → 4  upsample_bilinear ×0.5    one system  0.5  2.5  4.5  6.5   another  …?\n"
        "           resize_bilinear 4         every one   0.5  2.5  4.5  6.5\n",
    ),
    Code.NO_INTENT: Explanation(
        "A layer does not say what it was converted from. Without the call there is nothing to "
        "compare with, and a guess would always pass.",
        "Record the calls in the export script, pass an ONNX file of opset 11 or later, or add the "
        "layer to the manifest: `--write-manifest` writes a template. If every resize was made by "
        "the same call, `--assume bilinear,align_corners=true` says so.",
        sketch="    calls in the manifest            layers in the model\n"
        "    (none)                     ?──   Upsample_12\n",
    ),
    Code.AMBIGUOUS_INTENT: Explanation(
        "Two calls fit this layer equally well and ask for different things. Taking either would "
        "be right by chance.",
        'Set `"layer"` of each call in the manifest to the layer\'s name, its output blob or its '
        "address. Names of modules and recorded sizes usually decide it without that.",
        sketch="    calls in the manifest            layers in the model\n"
        "    up1  align_corners=True   ──┐\n"
        "                                ?──  Upsample_12\n"
        "    up2  align_corners=False  ──┘\n",
    ),
    Code.MERGED_CALLS: Explanation(
        "A simplifier saw two equal nodes, as opset 9 does not carry align_corners, and merged "
        "them. One layer now feeds both places, and no rewrite of it can be right for both.",
        "Convert again without the simplifier, so that each call keeps a layer of its own.",
        sketch=_MERGED,
    ),
    Code.CONTRADICTING_SIZES: Explanation(
        "The call was recorded at another input size or with other channels than this layer gets. "
        "Either it belongs to another layer, or the model was converted at another size.",
        "Record the manifest at the input size that the model was converted with. Or leave "
        "`input_size` out and give `scale_factor`, which holds at any size.",
        sketch="    call:  size 12×12 from an input of 6×6\n    layer: gets 3×3\n",
    ),
    Code.CALL_WITHOUT_LAYER: Explanation(
        "The framework resized a map here, and the model has no layer that does. Converters drop "
        "a call that keeps the size and one whose result no output uses, and neither needs a "
        "layer. This call does neither. A branch may have been lost, or folded into a constant.",
        "Convert again and see whether the layer appears. If the call is of a head that the model "
        'does not return, record again with this version, or write `"used": false` for it. If the '
        "layer is there, name it in `layer`.",
        sketch="    calls in the manifest            layers in the model\n"
        "    up1  8×10 → 16×20         ─────  Upsample_12\n"
        "    up2  4×5 → 16×20          ──?\n",
    ),
    Code.SIZE_DOES_NOT_FIT: Explanation(
        "The intent gives no size, so it asks for the one that the layer makes. But a declared "
        "output, or the other operand of an add or a concat behind the layer, has another size. "
        "The converter cut the factor to a whole number, and not exactly one size undoes that.",
        "Give `size` for this layer in the manifest, or record the manifest from the framework.",
        sketch="    layer: 18×14 ── ×1 ──> 18×14 ──┐\n"
        "                                   add: does not fit\n"
        "    skip:                  40×27 ──┘\n",
    ),
    Code.NOT_JUDGED: Explanation(
        "The size or the factor of the operation is computed while the program runs, or its "
        "documentation does not explain a parameter. What the operation makes at one size says "
        "nothing about another size, so it is never called a match.",
        "Convert again with a constant size or factor, or check the values of the whole network "
        "yourself.",
        sketch="    shape(y) ── slice ──┐\n    x ─────────────── resize ── ?\n",
    ),
    Code.SIZE_UNDECIDED: Explanation(
        "The input varies, and the call was given a size. One example of it fits a multiple of its "
        "own input as well as the size of another tensor, and so do several that are all multiples "
        "of a stride. At another input size the two differ.",
        "Record several examples, `record_intents(model, [example, another])`, among them one of "
        "the size that the message names. Or pass `scale_factor=` in the model.",
        sketch="    recorded:  x 32×48 ── conv, stride 8 ── 4×6 ── resize ──> 64×96\n"
        "    16 × 4×6 = 2 × 32×48, and at 36×48 one makes 64×96, the other 72×96\n",
    ),
    Code.HALF_PIXEL_UNAVAILABLE: Explanation(
        "Half pixel (align_corners=False of PyTorch, tf.image.resize) reads at the centres of "
        "output pixels. Only Upsample `ALIGN_CORNERS_FALSE` of iOS 14 does that, in a network with "
        "exact ranks.",
        "Allow iOS 14 or `--decompose`. Where neither helps, train or fine-tune with "
        "align_corners=True (in TensorFlow, of tf.compat.v1.image), which every iOS from 12 "
        "computes.",
        Example(_DOUBLE, _HALF, (3, 3)),
    ),
    Code.SCALE_FACTOR_GRID: Explanation(
        "With `scale_factor=` and without `recompute_scale_factor=True`, PyTorch steps by 1 / "
        "scale_factor, and not by the ratio of the sizes. The two differ where input × factor is "
        "not a whole number, and no resize layer of Core ML takes a step.",
        "`--decompose` crops and resizes exactly where it can. Or pass `size=` or "
        "`recompute_scale_factor=True` to interpolate, in training, too.",
        Example(ResizeBilinear((4, 4), "UPSAMPLE_MODE"), Intent(scale_factor=(1.5, 1.5)), (3, 3)),
    ),
    Code.NEAREST_NOT_INTEGER: Explanation(
        "Upsample `NN` repeats every pixel the same number of times. At a factor that is not whole "
        "some pixels must come more often than others.",
        "`--decompose` gathers the pixels in the right order; or choose sizes that are a whole "
        "multiple.",
        Example(Upsample("NN", scaling_factor=(2, 2)), Intent(mode="nearest", size=(5, 5)), (3, 3)),
    ),
    Code.KERNEL_UNAVAILABLE: Explanation(
        "Core ML's resize layers copy or interpolate linearly. Bicubic, area and antialias need "
        "other weights.",
        "`--decompose` builds them from padding and convolutions, or from matrix products. Or use "
        "bilinear or nearest in the network.",
        Example(_DOUBLE, Intent(mode="bicubic", size=(6, 6)), (3, 3)),
    ),
    Code.FLEXIBLE_INPUT: Explanation(
        "ResizeBilinear makes one fixed size. In a model whose input may vary it would freeze the "
        "size at which it was converted.",
        "The message names what was tried on the layer and gives a fix: exact ranks of the arrays, "
        "which iOS 14's Upsample needs to follow a size, or one conversion per input size.",
        Example(_DOUBLE, _CORNERS, (3, 3)),
    ),
    Code.TARGET_TOO_LOW: Explanation(
        "A single exact layer exists, but a newer iOS than the deployment target introduced it.",
        "Raise `--deployment-target` if the app may require it, or pass `--decompose` to stay.",
        Example(_DOUBLE, _HALF, (3, 3)),
    ),
    Code.SIZE_UNKNOWN: Explanation(
        "Neither the model nor the call says which size goes in or comes out, so the grids cannot "
        "be compared. Custom layers and reshapes by values often hide a size.",
        "Give `size`, or `input_size` with `scale_factor`, for this layer in the manifest.",
        sketch="    layer: gets ?×?\n    call:  scale_factor=2, at an input that is not recorded\n",
    ),
    Code.SEVERAL_LAYERS_NEEDED: Explanation(
        "No single layer of the deployment target computes the call, but a few together do, "
        "exactly: replicate padding and a grouped deconvolution, CropResize, gathers, or a matrix "
        "product.",
        "Pass `--decompose`. The report says what the layers cost; `docs/decompose.md` lists them.",
        Example(_DOUBLE, _HALF, (3, 3)),
    ),
    Code.CANNOT_RUN: Explanation(
        "A layer gets shapes that it cannot work on: maps of different size that are added or "
        "joined, other channels than its weights have, a kernel or a crop larger than the map. "
        "Core ML refuses such a model when it is loaded or when it predicts. Where resizes cause "
        "it, a fix repairs it; what is reported remains after the fix.",
        "Look at the layer that is named, and at what makes its inputs. A factor that was "
        "truncated is repaired by the intent of that resize; anything else by converting again.",
        sketch="    skip  25×31 ──┐\n                  add  ✗\n    up    20×24 ──┘\n",
    ),
    Code.SIZES_THAT_CANNOT_RUN: Explanation(
        "A network that halves its maps and joins them with what it doubled again runs only where "
        "the size can be halved that often. `size=t.shape[2:]` in PyTorch follows any size, and "
        "the converted layer doubles, so the range of the input promises more than the network "
        "holds. If no size but the default runs, the exit code is 1.",
        "Pad or resize what goes in to a size that runs: the JSON report has the rule, or the "
        "list, as `usable_sizes`. Or convert again with enumerated sizes.",
        sketch="    input 36 → 18 → 9 → 5\n                    9 + 10  ✗   (5 doubled)\n",
    ),
    Code.OUTPUT_DIFFERS: Explanation(
        "`--reference` ran the whole network, and the largest error of an output is above the "
        "tolerance, or a layer is in the way that could not be computed. Resizes are one cause "
        "of several: weights, preprocessing and other layers are compared, too.",
        "Read what each wrong resize does to the output, and which blob drifts first: the JSON "
        "report has both, as `network` and `network_details`. docs/reference.md says more.",
        sketch="    input ── resize ✓ ── conv ✗ ── output   error 0.2, 0.001 is tolerated\n",
    ),
}
