"""The build role: clone, detect, build, push."""
