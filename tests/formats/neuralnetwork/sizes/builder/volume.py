"""Three spatial dimensions."""

from tests.formats.neuralnetwork.sizes.builder.calls import F, method, t, z

EXACT = [
    (
        "conv3d",
        lambda b: b.add_convolution3d(
            "l",
            3,
            8,
            2,
            3,
            4,
            z(8, 3, 2, 3, 4),
            None,
            False,
            stride_depth=1,
            stride_height=2,
            stride_width=3,
            input_name="a",
            output_name="out",
        ),
        [(1, 3, 5, 13, 18)],
        tuple(F.conv3d(t(1, 3, 5, 13, 18), t(8, 3, 2, 3, 4), stride=(1, 2, 3)).shape),
    ),
    (
        "conv3d same",
        lambda b: b.add_convolution3d(
            "l",
            3,
            2,
            3,
            3,
            3,
            z(2, 3, 3, 3, 3),
            None,
            False,
            stride_depth=2,
            stride_height=2,
            stride_width=2,
            padding_mode="same",
            input_name="a",
            output_name="out",
        ),
        [(1, 3, 3, 8, 8)],
        (1, 2, 2, 4, 4),
    ),
    (
        "pool3d",
        method("pooling3d", "max", 2, 2, 2, 1, 1, 1),
        [(1, 1, 2, 3, 3)],
        (1, 1, 1, 2, 2),
    ),
    (
        "pool3d padded",
        method(
            "pooling3d",
            "average",
            2,
            3,
            4,
            1,
            2,
            3,
            "custom",
            custom_padding_back=1,
            custom_padding_top=1,
            custom_padding_bottom=1,
            custom_padding_left=2,
        ),
        [(1, 1, 5, 6, 7)],
        tuple(F.avg_pool3d(t(1, 1, 6, 8, 9), (2, 3, 4), (1, 2, 3)).shape),
    ),
    (
        "conv3d padded and dilated",
        lambda b: b.add_convolution3d(
            "l",
            3,
            8,
            2,
            3,
            4,
            z(8, 3, 2, 3, 4),
            None,
            False,
            dilation_depth=2,
            dilation_width=3,
            padding_mode="custom",
            padding_front=1,
            padding_back=1,
            padding_left=2,
            padding_right=2,
            input_name="a",
            output_name="out",
        ),
        [(1, 3, 5, 13, 18)],
        tuple(
            F.conv3d(
                t(1, 3, 5, 13, 18), t(8, 3, 2, 3, 4), dilation=(2, 1, 3), padding=(1, 0, 2)
            ).shape
        ),
    ),
    ("global pool3d", method("global_pooling3d", "max"), [(1, 3, 5, 6, 7)], (1, 3, 1, 1, 1)),
]

RANK5 = []
