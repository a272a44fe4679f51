"""Amazon States Language, the declared subset: loading, checking, evaluating."""

from shared.adapters.asl.definition import Definition, InvalidDefinition
from shared.adapters.asl.loading import load_file, load_folder, parse

__all__ = ["Definition", "InvalidDefinition", "load_file", "load_folder", "parse"]
