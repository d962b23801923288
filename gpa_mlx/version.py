"""The version of the program, where both the package and its lower rooms can read it."""

__version__ = "0.1.0"
