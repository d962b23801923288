"""Largest sizes that a config may ask for: far beyond any published network, far below what a machine cannot hold.

A config is read before the weights that would contradict it. Layers are objects and tables are computed as soon as a
network is built, so a hostile or damaged number must be refused when it is read.
"""

from __future__ import annotations

MAX_LAYERS = 512
"""Layers of a stack."""

MAX_WIDTH = 2**16
"""Features of a layer, heads, kernels."""

MAX_VOCABULARY = 2**22
"""Rows of an embedding or a codebook."""

MAX_POSITIONS = 2**24
"""Positions of a sequence."""

MAX_STAGES = 32
"""Entries of a list with one entry for each stage."""

MAX_RATIO = 2**12
"""Positions that one becomes, or that become one."""

MAX_FFT = 2**14
"""Samples of a window."""

MAX_MELS = 2**10
"""Mel bands."""

MAX_RATE_HZ = 768_000
"""Samples per second."""

MAX_CLIP_S = 3600
"""Seconds that a network takes at once."""

MIN_EPSILON = 1e-12
"""What a norm adds to a variance; MLX refuses 0."""

MAX_NUMBER = 1e12
"""Any other number."""
