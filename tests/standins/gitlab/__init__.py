"""A stand-in of GitLab: `GitLabServer` serves the web, the API below /api/v4, and Git."""

from tests.standins.gitlab.server import GitLabServer

__all__ = ["GitLabServer"]
