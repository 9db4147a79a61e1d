"""The layers of neural networks computed in NumPy.

run        the networks of a file and pipelines, with what enters them and what they give
steps      layers as steps; branches and loops
stored     numbers of weights, read from where they lie in the file
call       one layer with its parameters and blobs
table      the function of each kind of layer; the other files hold them by family

`interpret` computes single layers of a message in memory by the same functions.
"""
