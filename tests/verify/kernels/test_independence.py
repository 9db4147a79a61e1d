"""Kernels know no file format, and no formula of the verdicts that they prove."""

import subprocess
import sys


def test_no_other_room_is_imported():
    program = (
        "import sys; from coreml_resize_fix.verify.kernels import arrays, convolution, resampling; "
        "print(*{n.split('.')[1] for n in sys.modules if n.startswith('coreml_resize_fix.')}); "
        "print(*{n for n in sys.modules if n.startswith(('google.', 'coremltools'))})"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert ran.stdout.decode().split() == ["verify"]
