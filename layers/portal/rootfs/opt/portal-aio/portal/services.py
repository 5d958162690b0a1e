"""The services as supervisord has them, over its socket, which is root's."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal
from xmlrpc.client import Fault, ProtocolError, ServerProxy

from pydantic import BaseModel
from supervisor.xmlrpc import Faults, SupervisorTransport

Action = Literal["start", "stop", "restart"]


class Service(BaseModel):
    """One program of supervisord."""

    name: str
    state: str
    description: str
    pid: int | None
    started: int | None
    exit_status: int | None
    stoppable: bool


class ServiceProblem(Exception):
    """Why an order was not followed."""

    def __init__(self, status: int, text: str, fault: int | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.fault = fault


class Supervisor:
    """Its calls wait for an answer: for a thread."""

    def __init__(self, socket: Path, unstoppable: frozenset[str]) -> None:
        self._socket = socket
        self._unstoppable = unstoppable

    def services(self) -> list[Service]:
        """All of them; raises ServiceProblem."""
        return [self._service(found) for found in self._ask(lambda server: server.supervisor.getAllProcessInfo())]

    def act(self, name: str, action: Action) -> Service:
        """Starts, stops or restarts one, and tells how it then is; raises ServiceProblem."""
        services = {service.name: service for service in self.services()}
        if name not in services:
            raise ServiceProblem(404, f"There is no service {name}.")
        if action != "start" and not services[name].stoppable:
            raise ServiceProblem(403, f"{name} is needed for this page; it cannot be stopped here.")
        if action in ("stop", "restart"):
            self._order(lambda server: server.supervisor.stopProcess(name, True), Faults.NOT_RUNNING)
        if action in ("start", "restart"):
            # Whether it stays up is seen by its state.
            self._order(lambda server: server.supervisor.startProcess(name, False), Faults.ALREADY_STARTED)
        return self._service(self._ask(lambda server: server.supervisor.getProcessInfo(name)))

    def _order(self, call: Callable[[Any], Any], already: int) -> None:
        try:
            self._ask(call)
        except ServiceProblem as problem:
            if problem.fault != already:
                raise

    def _ask(self, call: Callable[[Any], Any]) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        try:
            return call(ServerProxy("http://127.0.0.1", transport=transport))
        except Fault as fault:
            text = f"The process manager refuses: {fault.faultString}."
            raise ServiceProblem(409, text, fault.faultCode) from fault
        except (OSError, http.client.HTTPException, ProtocolError) as error:
            raise ServiceProblem(503, "The process manager does not answer.") from error
        finally:
            transport.close()

    def _service(self, found: dict[str, Any]) -> Service:
        group, name = found["group"], found["name"]
        running = found["statename"] in ("RUNNING", "STARTING", "STOPPING")
        return Service(
            name=name if group == name else f"{group}:{name}",
            state=found["statename"],
            description=found["spawnerr"] or found["description"],
            pid=found["pid"] or None,
            started=found["start"] if running else None,
            exit_status=found["exitstatus"] if found["statename"] == "EXITED" else None,
            stoppable=name not in self._unstoppable,
        )
