"""The pages of the door: a login and "is starting". Each is whole in itself: nothing is fetched from anywhere."""

from __future__ import annotations

import secrets
from html import escape

# The door's own places. No service of an image has such a one.
OWN = "/.strata-door"
LOGIN, LOGOUT = f"{OWN}/login", f"{OWN}/logout"
# Of a login's form, in bytes.
LONGEST_FORM = 16 * 1024

STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #566075; --paper: #f4f5f8; --card: #fff; --line: #c9cedb;
  --accent: #2b59c3; --on-accent: #fff; --bad: #a3262a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebf2; --soft: #a2abbd; --paper: #12151c; --card: #1b202b;
  --line: #3c4558; --accent: #8fb0ff; --on-accent: #10131a; --bad: #ff9a94; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { width: min(24rem, 100%); background: var(--card); border: 1px solid var(--line); border-radius: .75rem;
  padding: 1.5rem; }
h1 { margin: 0 0 1rem; font-size: 1.25rem; }
p { margin: .75rem 0 0; color: var(--soft); font-size: .9rem; }
p.wrong { color: var(--bad); margin: 0 0 1rem; }
label { display: block; margin-bottom: .25rem; }
input, button { width: 100%; font: inherit; padding: .6rem .75rem; border-radius: .5rem; }
input { border: 1px solid var(--line); background: var(--paper); color: var(--ink); }
button { margin-top: 1rem; border: 0; background: var(--accent); color: var(--on-accent); font-weight: 600;
  cursor: pointer; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
"""

# Asks as a program does, so that what it gets is the service's own answer or a plain 503.
POLL = """
setInterval(async () => {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "application/json" }, cache: "no-store" });
    if (![502, 503, 504].includes(answer.status) && !answer.headers.has("X-Portal-Placeholder")) location.reload();
  } catch {}
}, 3000);
"""


def frame(title: str, body: str, script: str = "") -> tuple[str, dict[str, str]]:
    """A page, and the headers that go with it."""
    nonce = secrets.token_urlsafe(16)
    code = f'<script nonce="{nonce}">{script}</script>' if script else ""
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f'<link rel="icon" href="data:,"><style nonce="{nonce}">{STYLE}</style></head>'
        f"<body><main>{body}</main>{code}</body></html>"
    )
    policy = [
        "default-src 'none'",
        f"style-src 'nonce-{nonce}'",
        *([f"script-src 'nonce-{nonce}'", "connect-src 'self'"] if script else []),
        *("img-src data:", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"),
    ]
    return page, {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "; ".join(policy),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def login_page(place: str, wrong: bool, wait: float) -> tuple[str, dict[str, str]]:
    """Asks for the password; `place` is where to go afterwards."""
    notice = ""
    if wait:
        notice = f"Too many wrong passwords. Try again in {max(1, round(wait / 60))} min; the token's link works now."
    elif wrong:
        notice = "That is not the password."
    return frame(
        "Log in",
        "<h1>Log in</h1>"
        + (f'<p class="wrong" role="alert">{escape(notice)}</p>' if notice else "")
        + f'<form method="post" action="{LOGIN}"><input type="hidden" name="next" value="{escape(place)}">'
        '<label for="password">Password or token</label><input id="password" name="password" type="password" '
        'autocomplete="current-password" required autofocus><button>Log in</button></form>'
        "<p>Where nobody gave a password, the container's log names the file that has it.</p>",
    )


def logout_page() -> tuple[str, dict[str, str]]:
    """A button: an address that ended a session could be opened by anybody's page."""
    form = f'<form method="post" action="{LOGOUT}"><button>Log out</button></form>'
    return frame("Log out", f"<h1>Log out of all services of this image?</h1>{form}")


def starting_page(label: str) -> tuple[str, dict[str, str]]:
    """For a service that does not answer yet; it asks again by itself."""
    body = (
        f'<h1>{escape(label)} is starting</h1><p role="status">It does not answer yet. This page looks again every three '
        "seconds and opens it by itself; the container's log tells more.</p>"
    )
    return frame(f"{label} is starting", body, POLL)


def foreign_page() -> tuple[str, dict[str, str]]:
    """For a page of somebody else that made the browser ask."""
    return frame(
        "Refused", "<h1>Refused</h1><p>Another page asked for this. Open the service itself and do it there.</p>"
    )
