"""What check 85 goes by: supervisor's socket, the kernel's lists of sockets, and when there is such a check at all."""

from __future__ import annotations

import json
import os
import pwd
import socketserver
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path
from unittest import mock
from xmlrpc.server import SimpleXMLRPCDispatcher, SimpleXMLRPCRequestHandler

from support import SMOKE, Playground

import run
from lib import instance, listeners
from lib.discover import find_checks, is_due
from lib.evidence import Evidence

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def line(address: str, port: int, state: str = "0A") -> str:
    """A socket as the kernel lists it."""
    return f"   0: {address}:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 0 0 1 1\n"


class ListenersTest(unittest.TestCase):
    """Sockets that others reach."""

    def listed(self, **tables: str) -> set[tuple[str, int]]:
        """What is found in these tables."""
        with tempfile.TemporaryDirectory() as folder:
            net = Path(folder, "net")
            net.mkdir()
            for table in ("tcp", "udp", *tables):
                (net / table).write_text(HEAD + tables.get(table, ""))
            with mock.patch.object(listeners, "ROOT", Path(folder)):
                return listeners.public_listeners()

    def test_every_address_but_the_loopback_counts(self) -> None:
        tcp = line("00000000", 22) + line("0100007F", 18188) + line("020011AC", 8080)
        self.assertEqual(self.listed(tcp=tcp), {("tcp", 22), ("tcp", 8080)})

    def test_ipv6_counts_and_its_loopbacks_do_not(self) -> None:
        loopbacks = line("00000000000000000000000001000000", 1) + line("0000000000000000FFFF00000100007F", 2)
        tcp6 = loopbacks + line("0" * 32, 3) + line("0000000000000000FFFF0000020011AC", 4)
        self.assertEqual(self.listed(tcp6=tcp6), {("tcp", 3), ("tcp", 4)})

    def test_connections_are_no_listeners_and_packets_are_received(self) -> None:
        found = self.listed(tcp=line("00000000", 22, "01"), udp=line("00000000", 21027, "07"))
        self.assertEqual(found, {("udp", 21027)})


class Handler(SimpleXMLRPCRequestHandler):
    """As supervisor answers, at any path."""

    rpc_paths = ()
    disable_nagle_algorithm = False

    def address_string(self) -> str:
        """A unix socket has no address."""
        return "socket"

    def log_request(self, *_: object) -> None:
        """Nothing."""


class Server(socketserver.ThreadingUnixStreamServer, SimpleXMLRPCDispatcher):
    """A supervisor with two services."""

    def __init__(self, path: str) -> None:
        SimpleXMLRPCDispatcher.__init__(self, allow_none=True)
        socketserver.ThreadingUnixStreamServer.__init__(self, path, Handler)
        listed = [{"name": "caddy", "statename": "RUNNING"}, {"name": "jupyter", "statename": "BACKOFF"}]
        self.register_function(lambda: listed, "supervisor.getAllProcessInfo")


class StatesTest(unittest.TestCase):
    """What supervisor tells."""

    def test_states_are_read_from_the_socket(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "supervisor.sock")
            with mock.patch.object(instance, "SOCKET", path):
                self.assertEqual(instance.service_states(), {})
                with Server(str(path)) as server:
                    threading.Thread(target=server.serve_forever, daemon=True).start()
                    self.assertEqual(instance.service_states(), {"caddy": "RUNNING", "jupyter": "BACKOFF"})
                    server.shutdown()


class DueTest(unittest.TestCase):
    """Which checks an image has."""

    def test_an_instance_has_its_own_check_in_place_of_those_of_the_usual_services(self) -> None:
        checks = find_checks(SMOKE / "checks")
        usual, ours = ({"comfyui": {}, "recipe": "studio"} | more for more in ({}, {"instance": {"ports": [22]}}))
        usual["comfyui"] = ours["comfyui"] = {"version": "1"}
        numbers = [{check.number for check in checks if is_due(check, image)} for image in (usual, ours)]
        self.assertEqual(numbers[0] - numbers[1], {"50", "60", "70"})
        self.assertEqual(numbers[1] - numbers[0], {"85"})


class UserTest(unittest.TestCase):
    """Whom the checks run as."""

    def became(self, image: dict[str, object], *words: str) -> list[mock.Call]:
        """Whom a run became before its checks began."""
        playground = Playground()
        self.addCleanup(playground.close)
        playground.image.write_text(json.dumps(image))
        out = ["--out", str(playground.out), "--folder", str(playground.path), "--image", str(playground.image)]
        with mock.patch.object(run, "become") as become, mock.patch.object(run, "Run"):
            run.run_checks(run.parse_arguments([*out, *words]), Evidence())
        return list(become.call_args_list)

    def test_an_ordinary_user_unless_the_image_is_an_instances(self) -> None:
        self.assertEqual(self.became({}, "--user", "strata"), [mock.call("strata")])
        self.assertEqual(self.became({"instance": {"ports": [22]}}, "--user", "strata"), [])
        self.assertEqual(self.became({}), [])

    @unittest.skipUnless(os.geteuid() == 0, "only root becomes somebody else")
    def test_who_becomes_somebody_is_so_altogether(self) -> None:
        program = "from lib.process import become; become('nobody'); import os; print(os.getresuid(), os.getresgid(), os.getgroups())"
        told = subprocess.run([sys.executable, "-c", program], cwd=SMOKE, capture_output=True, text=True, check=True)
        nobody = pwd.getpwnam("nobody")
        users, groups = (nobody.pw_uid,) * 3, (nobody.pw_gid,) * 3
        self.assertEqual(told.stdout, f"{users} {groups} [{nobody.pw_gid}]\n")


if __name__ == "__main__":
    unittest.main()
