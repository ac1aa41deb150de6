"""Flows: the wiring around the stages. `refresh` is the main flow, `cli` the command line."""

import os
import sys

if sys.platform == "linux":
    # Read by the allocator of Polars when that is first imported: what is free again goes back to the system within a
    # tenth of a second, by a thread of its own, and not once somebody next asks for memory.
    os.environ.setdefault("_RJEM_MALLOC_CONF", "background_thread:true,dirty_decay_ms:100,muzzy_decay_ms:0")
