"""Serves a GitHub and a GitLab of one's own, to try the platform against: python -m tests.standins

Prints the settings for `make up`, and how to clone the repository that is there. Ends with Ctrl-C.
"""

import argparse
import signal
import tempfile
import threading
from pathlib import Path

from tests.standins.github import GitHubServer
from tests.standins.gitlab import GitLabServer

FILES = {
    "Dockerfile": "FROM python:3.11-slim-bookworm\nCOPY . /app\nWORKDIR /app\nEXPOSE 8000\n"
    'CMD ["python3", "-m", "http.server", "8000"]\n',
    "index.html": "<h1>Hello</h1>\n",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--login", default="ada", help="who sits at the browser")
    parser.add_argument("--repository", default="shop", help="the repository that is there")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as folder:
        github, gitlab = GitHubServer(Path(folder, "github")), GitLabServer(Path(folder, "gitlab"))
        with github, gitlab:
            for server, name, user in (
                (github, "GITHUB", "x-access-token"),
                (gitlab, "GITLAB", "oauth2"),
            ):
                full_name = f"{given.login}/{given.repository}"
                server.add_repository(full_name, FILES)
                login = f"{user}:{server.token(given.login)}@"
                url = f"{server.url}/{full_name}.git".replace("://", f"://{login}")
                print(f"export C2D_{name}_URL={server.url}")
                print(f"export C2D_{name}_CLIENT_ID={server.app.client_id}")
                print(f"export C2D_{name}_CLIENT_SECRET={server.app.client_secret}")
                print(f"# git clone {url}", flush=True)
            try:
                threading.Event().wait()
            except KeyboardInterrupt:
                return


if __name__ == "__main__":
    main()
