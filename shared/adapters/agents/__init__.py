"""Ports whose work an agent does, near the engine that the control plane cannot reach."""
