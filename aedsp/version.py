"""The version of aedsp; importable without dependencies."""

__version__ = "0.1.0"
