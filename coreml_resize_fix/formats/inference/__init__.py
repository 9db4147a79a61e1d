"""Shape arithmetic that networks of layers and programs of operations share.

inputs    the sizes of the inputs at which a network is evaluated
call      a layer or an operation as a rule sees it, and arithmetic for rules
merge     the shapes of a blob at every evaluation → one shape
trials    whether a network runs at single sizes
usable    a rule for the sizes at which it runs
"""
