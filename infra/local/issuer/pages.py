"""The pages people sign in with: plain HTML, one style, no script."""

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from typing import Final

from fastapi.responses import HTMLResponse

_STYLE: Final = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 24rem; margin: 10vh auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; }
label { display: block; margin-top: 1rem; font-weight: 600; }
input { box-sizing: border-box; width: 100%; padding: .6rem; font: inherit; }
button { margin-top: 1.5rem; margin-right: .5rem; padding: .6rem 1.2rem; font: inherit; }
.hint { margin: .25rem 0 0; font-size: .9rem; }
[role=alert] { border-left: .3rem solid #c62828; padding: .5rem .8rem; }
:focus-visible { outline: .2rem solid #1565c0; outline-offset: .1rem; }
"""
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_EMAIL: Final = ("email", "E-mail address", "email", 'autocomplete="username" autofocus')
_PASSWORD: Final = ("password", "Password", "password", 'autocomplete="current-password"')

Field = tuple[str, str, str, str]
"""Name, label, type, more attributes."""


def sign_in_page(
    hidden: Mapping[str, str], *, email: str = "", problem: str = "", status: int = 200, to: str
) -> HTMLResponse:
    """E-mail address and password; `to` is the origin that the browser is sent to afterwards."""
    fields = [_EMAIL, _PASSWORD]
    body = _form("/oauth/authorize", fields, {"email": email}, "<button>Sign in</button>", hidden)
    return _page("Sign in", body, problem=problem, status=status, to=to)


def device_page(
    user_code: str = "", *, email: str = "", problem: str = "", status: int = 200
) -> HTMLResponse:
    """The code a device shows, and who lets it in."""
    code: Field = ("user_code", "Code", "text", 'autocomplete="off" autocapitalize="characters"')
    buttons = (
        '<button name="decision" value="approve">Sign it in</button>'
        '<button name="decision" value="deny" formnovalidate>Refuse</button>'
    )
    known = {"user_code": user_code, "email": email}
    said = "<p>Only go on if you have started this yourself and the code is the one you see there."
    body = said + _form("/device", [code, _EMAIL, _PASSWORD], known, buttons)
    return _page("Sign in a device", body, problem=problem, status=status)


def join_page(
    *, code: str = "", email: str = "", name: str = "", problem: str = "", status: int = 200
) -> HTMLResponse:
    """A new password, with the setup code or an invitation."""
    fields: list[Field] = [
        ("code", "Setup code or invitation", "text", 'autocomplete="off"'),
        ("email", "E-mail address", "email", 'autocomplete="username"'),
        ("name", "Your name", "text", 'autocomplete="name"'),
        ("password", "New password (12 characters or more)", "password", _NEW),
        ("again", "The same password again", "password", _NEW),
    ]
    known = {"code": code, "email": email, "name": name}
    body = _form("/join", fields, known, "<button>Set the password</button>")
    return _page("Welcome", body, problem=problem, status=status)


def message_page(title: str, sentence: str, *, status: int = 200) -> HTMLResponse:
    """One sentence."""
    return _page(title, f"<p>{escape(sentence)}</p>", status=status)


_NEW: Final = 'autocomplete="new-password" minlength="12"'


def _form(
    action: str,
    fields: list[Field],
    known: Mapping[str, str],
    buttons: str,
    hidden: Mapping[str, str] | None = None,
) -> str:
    shown = "".join(_field(field, known.get(field[0], "")) for field in fields)
    kept = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in (hidden or {}).items()
    )
    return f'<form method="post" action="{action}">{kept}{shown}{buttons}</form>'


def _field(field: Field, value: str) -> str:
    name, label, kind, more = field
    filled = f' value="{escape(value)}"' if value else ""
    return (
        f'<label for="{name}">{label}</label>'
        f'<input id="{name}" name="{name}" type="{kind}" required maxlength="255" {more}{filled}>'
    )


def _page(
    title: str, body: str, *, problem: str = "", status: int = 200, to: str = ""
) -> HTMLResponse:
    alert = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · Click to Deploy</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{alert}{body}</main></body></html>"
    )
    # a browser also holds the redirect after a form against form-action
    forms = f"'self' {to}".rstrip()
    policy = (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action {forms}; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "same-origin",
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return HTMLResponse(html, status, headers)
