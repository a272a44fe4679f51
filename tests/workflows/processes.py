"""Engine processes, to be killed one after the other."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from shared.adapters.asl import Definition
from shared.adapters.dbos import DbosClient
from shared.ports.workflows import ExecutionStatus
from tests.workflows.deadlines import ended, eventually

ROOT = Path(__file__).parents[2]


@dataclass
class Platform:
    """Engine processes, one after the other, on one database."""

    database: str
    journal: Path
    client: DbosClient
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def run(
        self,
        machines: Sequence[Definition],
        plan: Mapping[str, str] | None = None,
        start: Sequence[tuple[str, str]] = (),
    ) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.workflows.engine_process"],
            stdin=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.processes.append(process)
        assert process.stdin is not None
        json.dump(
            {
                "database": self.database,
                "machines": {each.name: dict(each.document) for each in machines},
                "plan": dict(plan or {}),
                "journal": str(self.journal),
                "start": list(start),
            },
            process.stdin,
        )
        process.stdin.close()

    def kill(self) -> None:
        process = self.processes.pop()
        process.kill()
        process.wait(10)

    def entries(self) -> list[dict[str, Any]]:
        if not self.journal.exists():
            return []
        return [json.loads(line) for line in self.journal.read_text().splitlines()]

    def calls(self) -> list[str]:
        return [entry["function"] for entry in self.entries()]

    def called(self, *functions: str) -> None:
        eventually(lambda: self.calls() == list(functions), f"{functions} are called")

    def waits(self, statement: str = "true") -> None:
        """Until the engine has written down a wait of which `statement` holds."""

        def look() -> bool:
            with psycopg.connect(self.database) as connection:
                query = f"SELECT 1 FROM workflows.waits WHERE closed_at IS NULL AND {statement}"
                return connection.execute(query).fetchone() is not None  # type: ignore[arg-type]

        eventually(look, f"a wait with {statement}")

    def deadlines(self) -> list[Any]:
        """When each wait ends, as it was written down when the wait began."""
        with psycopg.connect(self.database) as connection:
            rows = connection.execute("SELECT deadline FROM workflows.waits ORDER BY step")
            return [deadline for (deadline,) in rows]

    def driven(self, execution: str) -> bool:
        """Whether the log of steps says that a process drives it."""
        with psycopg.connect(self.database) as connection:
            return (
                connection.execute(
                    "SELECT 1 FROM workflows_log.workflow_status WHERE workflow_uuid = %s"
                    " AND status = 'PENDING' AND recovery_attempts > 1",
                    [execution],
                ).fetchone()
                is not None
            )

    def ends(self, execution: str, seconds: float = 20) -> None:
        assert ended(self.client, execution, seconds).status is ExecutionStatus.SUCCEEDED
