"""ML Programs: functions of blocks of operations, read as values and edited by splicing.

`reader` turns the file into the values of `program`; `operations` knows what its resizes compute,
`sizes` what every value's shape becomes when some of them make another size; `edits` writes.
"""
