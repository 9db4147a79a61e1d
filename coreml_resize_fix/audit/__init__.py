"""Temporary alias of `auditing` (the name `audit` is a function of the package)."""

import importlib, pkgutil, sys
import coreml_resize_fix.auditing as _real

for _m in pkgutil.iter_modules(_real.__path__):
    _mod = importlib.import_module("coreml_resize_fix.auditing." + _m.name)
    sys.modules["coreml_resize_fix.audit." + _m.name] = _mod
    globals()[_m.name] = _mod
