"""In place of the SAM CLI: notes how it is called, and deploys a small template that is there."""

import json
import os
import sys
from pathlib import Path

import boto3
import psycopg

HOME = Path(os.environ["STAND_IN_HOME"])


def main(arguments: list[str]) -> int:
    seen = {"arguments": arguments}
    if arguments[0] == "deploy":
        seen["schema"] = _schema()
    with (HOME / "calls").open("a") as calls:
        calls.write(json.dumps(seen) + "\n")
    if arguments[0] in (HOME / "fails").read_text().split():
        return 1
    if arguments[0] == "deploy" and "--execute-changeset" in arguments:
        _deploy(arguments[arguments.index("--stack-name") + 1])
    return 0


def _schema() -> str | None:
    """What the database is at when the deployment begins."""
    with psycopg.connect((HOME / "database").read_text(), connect_timeout=5) as connection:
        row = connection.execute("SELECT to_regclass('alembic_version')").fetchone()
        if row is None or row[0] is None:
            return None
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return found[0] if found else None


def _deploy(stack: str) -> None:
    client = boto3.client("cloudformation")
    given = {
        "StackName": stack,
        "TemplateBody": (HOME / "template.json").read_text(),
        "Capabilities": ["CAPABILITY_IAM"],
    }
    try:
        client.update_stack(**given)
        waiter = "stack_update_complete"
    except client.exceptions.ClientError as error:
        if "No updates" in str(error):
            return
        client.create_stack(**given)
        waiter = "stack_create_complete"
    client.get_waiter(waiter).wait(StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
