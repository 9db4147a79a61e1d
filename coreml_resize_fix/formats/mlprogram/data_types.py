"""The types of numbers in an ML Program, by the letter that `struct` and NumPy have for each.

Source: MIL.proto, DataType. Types of less than 8 bits have no letter.
"""

from typing import Dict

LETTERS: Dict[str, str] = {
    "BOOL": "?",
    "FLOAT16": "e",
    "FLOAT32": "f",
    "FLOAT64": "d",
    "INT8": "b",
    "UINT8": "B",
    "INT16": "h",
    "UINT16": "H",
    "INT32": "i",
    "UINT32": "I",
    "INT64": "q",
    "UINT64": "Q",
}
