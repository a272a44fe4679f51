"""An app that tells its secrets in every way it knows, while it is built and while it runs."""

from uuid import uuid4

TELL = r"""
import base64, json, os, sys, time
from urllib.parse import quote, quote_plus

def ways(value):
    data = value.encode()
    yield "plain", value
    yield "in words", f"the password is '{value}', keep it"
    yield "coloured", f"\x1b[31m{value}\x1b[0m"
    for before in (b"", b"u", b"u:"):
        yield f"base64 {before}", base64.b64encode(before + data).decode()
        yield f"urlsafe {before}", base64.urlsafe_b64encode(before + data).decode()
    yield "quote", quote(value)
    yield "quote all", quote(value, safe="")
    yield "quote plus", quote_plus(value)
    yield "json", json.dumps({"password": value})
    yield "json utf-8", json.dumps({"password": value}, ensure_ascii=False)
    yield "long", "." * (16 * 1024 - 20) + value
    yield "very long", "." * (64 * 1024 - 10) + value

def split(stream, text):
    half = len(text) // 2 - 5
    stream.write("split: " + text[:half])
    stream.flush()
    time.sleep(0.15)
    stream.write(text[half:] + "\n")
    stream.flush()
    time.sleep(0.15)

def tell():
    told = {k: v for k, v in os.environ.items() if k.endswith("_CANARY")}
    for name, value in told.items():
        for way, text in ways(value):
            print(f"{name} {way}: {text}", flush=True)
        split(sys.stdout, value)
        split(sys.stderr, value)
        split(sys.stdout, base64.b64encode(value.encode()).decode())
        print("\r".join(f"{n} % {value}" for n in range(3)), flush=True)
    # the engine cuts this line inside the secret, and the last five pieces begin with its end
    print("." * (16 * 1024 - 20) + value + "\ntold", "that", "was", "all", sep="\n", flush=True)

if __name__ == "__main__":
    tell()
    sys.exit(int(sys.argv[1]))
"""
APP = r"""
import hashlib, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from tell import tell

def digest(name):
    return hashlib.sha256(os.environ.get(name, "").encode()).hexdigest()

class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass  # it would come between two halves of a secret

    def do_GET(self):
        if self.path == "/crash":
            tell()
            os._exit(3)
        body = "\n".join([*map(digest, ("RUN_CANARY", "BOTH_CANARY", "BUILD_CANARY")),
                          *open("/built").read().split()]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

tell()
ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
"""
DOCKERFILE = """
FROM python:3.11-slim-bookworm
COPY tell.py app.py /
RUN --mount=type=secret,id=BUILD_CANARY --mount=type=secret,id=BOTH_CANARY \\
    export BUILD_CANARY="$(cat /run/secrets/BUILD_CANARY)" \\
 && export BOTH_CANARY="$(cat /run/secrets/BOTH_CANARY)" \\
 && for name in BUILD_CANARY BOTH_CANARY; do sha256sum < /run/secrets/$name >> /built; done \\
 && base64 /run/secrets/BOTH_CANARY && cat /run/secrets/BOTH_CANARY && sleep 1 \\
 && set -x && : "$BOTH_CANARY" && set +x && python3 -u /tell.py {code}
EXPOSE 8000
USER 10001
CMD ["python3", "-u", "/app.py"]
"""


def secretive(code: int = 0) -> dict[str, str]:
    """The app's files; its build ends with the exit code `code`."""
    dockerfile = DOCKERFILE.format(code=code).lstrip()
    fresh = f"# {uuid4()}: a build step is not taken from an earlier run's cache\n"
    return {"tell.py": fresh + TELL, "app.py": APP, "Dockerfile": dockerfile}
