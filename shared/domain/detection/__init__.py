"""What a source is, and how to build and start it."""

from shared.domain.detection.detect import candidates, detect, inspect
from shared.domain.detection.plan import BuildSettings, Generation, Plan, Provider, Runtime
from shared.domain.detection.tree import DirectoryTree, MappingTree, Subtree, Tree

__all__ = [
    "BuildSettings",
    "DirectoryTree",
    "Generation",
    "MappingTree",
    "Plan",
    "Provider",
    "Runtime",
    "Subtree",
    "Tree",
    "candidates",
    "detect",
    "inspect",
]
