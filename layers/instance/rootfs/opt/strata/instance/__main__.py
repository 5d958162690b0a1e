"""The steps of an instance's boot, and its services' starts: `python -Es /opt/strata/instance VERB ARGUMENT...`."""

from __future__ import annotations

import importlib
import sys

# What each verb is, so that none loads what another needs. The function takes the arguments and returns an exit status.
VERBS = {
    "boot": ("boot", "main"),
    "fetch": ("fetching", "main"),
    "workspace-variables": ("variables", "print_workspace"),
    "thread-limits": ("thread_limits", "main"),
    "shells": ("shells", "main"),
    "portal-config": ("portal_config", "main"),
    "has-application": ("portal_config", "has_application"),
    "cuda": ("cuda", "main"),
    "sync-homes": ("homes", "main"),
    "sync-workspace": ("sync", "main"),
    "ssh-keys": ("ssh_keys", "main"),
    "tls": ("tls", "main"),
    "announce-provisioning": ("provisioning", "announce"),
    "provisioning": ("provisioning", "main"),
    "is-supervised": ("supervised", "main"),
    "health": ("supervised", "health"),
    "supervise": ("supervise_instance", "main"),
    "comfyui": ("comfyui_service", "main"),
    "sshd": ("ssh_service", "main"),
}


def main() -> int:
    """Calls one of them."""
    verb = VERBS.get(sys.argv[1] if len(sys.argv) > 1 else "")
    if verb is None:
        print(f"expected one of: {' '.join(VERBS)}", file=sys.stderr)
        return 2
    module, function = verb
    status: int = getattr(importlib.import_module(f"strata_instance.{module}"), function)(sys.argv[2:])
    return status


if __name__ == "__main__":
    sys.exit(main())
