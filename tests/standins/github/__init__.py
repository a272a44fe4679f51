"""A stand-in of GitHub: `GitHubServer` serves the web, the API below /api/v3, and Git."""

from tests.standins.github.server import GitHubServer

__all__ = ["GitHubServer"]
