"""What becomes of a job's output on its way to the control plane."""

import sys
import threading
import time
from typing import Any

from infra.agent.process import Program, run
from infra.agent.worker import Handler


def _only(handler: Any, role: str = "build", kind: str = "build") -> dict[str, dict[str, Handler]]:
    return {role: {kind: handler}}


def test_log_lines_arrive_in_order_while_the_job_runs(plane, working):
    go = threading.Event()

    def talk(spec, job):
        for number in range(1000):
            job.log(f"line {number}")
        go.wait(10)
        return {}

    job_id = plane.put("build", {})
    with working(_only(talk)):
        plane.wait_for(lambda: len(plane.log(job_id)) == 1000)
        assert job_id not in plane.results
        go.set()
        plane.result(job_id)
    assert plane.log(job_id) == [f"line {number}" for number in range(1000)]


def test_a_chunk_whose_answer_was_lost_is_sent_again_under_its_number(plane, working):
    plane.lost_chunk_answers = {0, 1}

    def talk(spec, job):
        for number in range(3000):
            job.log(f"line {number}")
        return {}

    job_id = plane.put("build", {})
    with working(_only(talk)):
        plane.result(job_id)
    assert plane.posts_of_chunks[job_id][:4] == [0, 0, 1, 1]
    assert plane.log(job_id) == [f"line {number}" for number in range(3000)]


def test_secrets_are_masked_in_lines_and_results(plane, working):
    def leak(spec, job):
        job.masker.add([job.secrets()["env"]["KEY"]["value"]])
        job.log("the key is hunter2hunter2")
        writer = job.writer("stdout")
        writer.write(b"split hunter2hu")
        writer.write(b"nter2 here\n")
        writer.close()
        return {"said": ["hunter2hunter2"]}

    secrets = {"env": {"KEY": {"value": "hunter2hunter2", "secret": True}}}
    job_id = plane.put("build", {}, secrets=secrets)
    with working(_only(leak)):
        assert plane.result(job_id)["output"] == {"said": ["***"]}
    assert plane.log(job_id) == ["the key is ***", "split *** here"]


def test_a_huge_log_keeps_head_and_end_and_says_what_is_missing(plane, working):
    script = (
        "import sys\n"
        "for n in range(1_600_000): sys.stdout.write(f'{n:07d} ' + 'x' * 118 + '\\n')\n"
        "print('the very last line')"
    )

    def build(spec, job):
        writer = job.writer("stdout")
        program = Program([sys.executable, "-c", script], env={}, deadline=time.monotonic() + 120)
        assert run(program, job, stdout=writer.write, stderr=bytes) == 0
        writer.close()
        return {}

    job_id = plane.put("build", {})
    with working(_only(build)):
        plane.result(job_id, 180)
    lines = plane.log(job_id)
    assert lines[0].startswith("0000000 ")
    assert lines[-1] == "the very last line"
    (gap,) = [line for line in lines if "are missing here" in line]
    missing = int(gap.split()[0])
    numbered = [line for line in lines if line.endswith("x")]
    assert len(numbered) + missing == 1_600_000
    assert sum(map(len, lines)) < 40 * 1024 * 1024


def test_a_line_without_end_is_cut_into_lines(plane, working):
    def build(spec, job):
        writer = job.writer("stdout")
        for _ in range(64):
            writer.write(b"y" * 4096)
        writer.close()
        return {}

    job_id = plane.put("build", {})
    with working(_only(build)):
        plane.result(job_id)
    assert "".join(plane.log(job_id)) == "y" * 64 * 4096
