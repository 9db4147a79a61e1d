"""`python -m coreml_resize_fix`."""

from coreml_resize_fix.cli import main

main()
