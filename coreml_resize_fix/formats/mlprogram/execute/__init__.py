"""The functions of a program computed in NumPy.

run        a function with what enters it and what it gives
steps      operations as steps; constants are read when something reads them
stored     numbers of constants, from the model file and the weight file
call       one operation with its parameters as arrays
table      the function of each kind of operation; the other files hold them by family
"""
