"""Stand-ins for the model, the microphone and the loudspeaker: no weights, no device, no MLX."""

from gpa_mlx.testing.engine import Ending, EngineCall, FakeEngine
from gpa_mlx.testing.microphone import FakeMicrophone
from gpa_mlx.testing.output import FakeOutput, SimulatedOutput

__all__ = ["Ending", "EngineCall", "FakeEngine", "FakeMicrophone", "FakeOutput", "SimulatedOutput"]
