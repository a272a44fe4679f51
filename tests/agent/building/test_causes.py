"""Causes read from what builders print, of several BuildKit versions."""

import pytest

from infra.agent.build.causes import explained
from infra.agent.build.transcript import Transcript

OLD_NPM = """\
#7 [3/4] RUN npm ci
#7 sha256:4f6c67f7156a924b9a5f79e2309fb71b0b3f448a5c3c6a9eb712817380933d9b
#7 1.201 npm ERR! code EUSAGE
#7 1.202 npm ERR! `npm ci` can only install packages when your package.json and package-lock.json \
are in sync.
#7 1.203 npm ERR! A complete log of this run can be found in: /root/.npm/_logs/x.log
#7 ERROR: executor failed running [/bin/sh -c npm ci]: exit code: 1
------
 > [3/4] RUN npm ci:
------
executor failed running [/bin/sh -c npm ci]: exit code: 1
"""
NEW_PIP = """\
#9 [build 4/6] RUN --mount=type=cache,id=pip,target=/c pip install -r requirements.txt
#9 2.51 ERROR: Could not find a version that satisfies the requirement flsk (from versions: none)
#9 2.51 ERROR: No matching distribution found for flsk
#9 ERROR: process "/bin/sh -c pip install" did not complete successfully: exit code: 1
------
ERROR: failed to build: failed to solve: process "/bin/sh -c pip install" did not complete \
successfully: exit code: 1
"""
PARALLEL = """\
#5 [a 2/2] RUN sleep 100
#6 [b 2/2] RUN make
#6 0.4 cc: error: main.c: No such file or directory
#6 ERROR: process "/bin/sh -c make" did not complete successfully: exit code: 2
#5 CANCELED
#5 ERROR: process "/bin/sh -c sleep 100" did not complete successfully: context canceled
"""
KILLED = """\
#5 [2/2] RUN webpack
#5 9.1 Killed
#5 ERROR: executor failed running [/bin/sh -c webpack]: exit code: 137
"""
DAEMON = (
    "ERROR: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is it running?\n"
)
DENIED = """\
#3 [internal] load metadata for docker.io/library/secret:1
#3 ERROR: pull access denied, repository does not exist or may require authorization
------
failed to solve with frontend dockerfile.v0: failed to create LLB definition: \
docker.io/library/secret:1: pull access denied, repository does not exist
"""
GENERATED = """\
#8 [4/5] RUN --mount=type=secret,id=c2d_env set -a; [ ! -f /run/secrets/c2d_env ] || \
. /run/secrets/c2d_env; set +a; npm run build
#8 3.1 src/main.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'.
#8 ERROR: executor failed running [/bin/sh -c x]: exit code: 2
"""


@pytest.mark.parametrize(
    ("printed", "kind", "said"),
    [
        (OLD_NPM, "BuildFailed", "package-lock.json does not match package.json"),
        (NEW_PIP, "BuildFailed", "Step `RUN pip install -r requirements.txt` failed"),
        (NEW_PIP, "BuildFailed", "pip finds no version of flsk"),
        (PARALLEL, "BuildFailed", "Step `RUN make` failed with exit code 2: cc: error: main.c"),
        (KILLED, "BuildOutOfMemory", "limit of 512 MiB"),
        (DAEMON, "Transient", "Docker engine stopped answering"),
        (DENIED, "BuildFailed", "docker.io/library/secret:1 does not exist or is private"),
        (GENERATED, "BuildFailed", "Step `RUN npm run build` failed with exit code 2: TypeScript"),
        ("", "BuildFailed", "The build failed"),
    ],
)
def test_the_cause_is_named(printed, kind, said):
    transcript = Transcript()
    for line in printed.splitlines():
        transcript.add(line)
    error = explained(transcript, out_of_memory=False, memory_mb=512)
    assert type(error).__name__ == kind
    assert said in error.reason


def test_a_programs_own_error_lines_do_not_end_its_step():
    transcript = Transcript()
    transcript.add("#4 [2/3] RUN make test")
    transcript.add("#4 0.1 ERROR: one test failed, going on")
    transcript.add("#4 DONE 1.0s")
    assert transcript.failed_step is None


def test_colours_do_not_hide_a_cause():
    transcript = Transcript()
    transcript.add("#4 [2/3] RUN npm run build")
    transcript.add('#4 0.1 \x1b[31mnpm error\x1b[0m Missing script: "build"')
    transcript.add("#4 ERROR: executor failed running [x]: exit code: 1")
    assert 'no script "build"' in explained(transcript, out_of_memory=False, memory_mb=1).reason
