"""Authenticated calls to the services of one OpenStack project."""

from collections.abc import Callable, Mapping
from threading import Lock
from time import monotonic
from typing import Any, Final

import httpx

from shared.adapters.openstack.breaker import BreakerPolicy, CircuitBreaker
from shared.adapters.openstack.errors import refusal, retry_after, unreachable
from shared.adapters.openstack.keystone import Access, Keystone, Token
from shared.adapters.openstack.services import Service
from shared.adapters.openstack.transport import CALL_SECONDS, Request, exchange
from shared.adapters.openstack.transport import client as make_client
from shared.domain.errors import NotFound, Transient
from shared.ports.breakers import Breakers

Document = dict[str, Any]
"""A JSON object as a service sends it; it stays inside this adapter."""

_UNWELL: Final = {500, 502, 503, 504}


class Session:
    """Calls with a token, a deadline and a breaker per service. Safe for threads.

    A token that a service refuses is renewed once, so that one that expires is not noticed.
    """

    def __init__(
        self,
        access: Access,
        breakers: Breakers,
        *,
        http: httpx.Client | None = None,
        policy: BreakerPolicy = BreakerPolicy(),
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._http = http or make_client(access.ca_file)
        self._region = access.region or "default"
        self._breakers, self._policy, self._clock = breakers, policy, clock
        self._by_service: dict[str, CircuitBreaker] = {}
        self._making = Lock()
        self._keystone = Keystone(access, self._send, clock)

    def close(self) -> None:
        """Close the connections that were opened."""
        self._http.close()

    @property
    def project_id(self) -> str:
        """The project that the application credential belongs to."""
        return self._keystone.token().project_id

    def call(
        self,
        service: Service,
        method: str,
        path: str,
        *,
        what: str,
        json: Document | None = None,
        params: Mapping[str, str] | None = None,
        accept: str = "application/json",
        seconds: float = CALL_SECONDS,
    ) -> httpx.Response:
        """One call. `what` names in errors what it is about, and holds nothing users sent.

        Raises what `errors.refusal` has, Forbidden when our credential is refused, and Transient.
        """

        def send(token: Token) -> httpx.Response:
            headers = {"X-Auth-Token": token.value, "Accept": accept}
            if service.microversion is not None:
                headers["OpenStack-API-Version"] = service.microversion
            url = self._keystone.root(service, token) + path
            return self._send(service, Request(method, url, headers, json, params, seconds), what)

        token = self._keystone.token()
        response = send(token)
        if response.status_code == 401:
            response = send(self._keystone.token(refused=token))
        if not response.is_success:
            raise refusal(service, what, response)
        return response

    def document(
        self,
        service: Service,
        method: str,
        path: str,
        *,
        what: str,
        json: Document | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Document:
        """The JSON object of an answer. Raises like `call`."""
        response = self.call(service, method, path, what=what, json=json, params=params)
        try:
            found = response.json()
        except (ValueError, RecursionError) as error:
            raise Transient(f"{what}: {service.title}'s answer is not JSON") from error
        if not isinstance(found, dict):
            raise Transient(f"{what}: {service.title}'s answer is not a JSON object")
        return found

    def delete(self, service: Service, path: str, *, what: str) -> None:
        """Ask for it to go; missing is fine. Whether it has gone is another question."""
        try:
            self.call(service, "DELETE", path, what=what)
        except NotFound:
            return

    def _send(self, service: Service, request: Request, what: str) -> httpx.Response:
        breaker = self._breaker(service)
        admission = breaker.admit()
        try:
            response = exchange(self._http, request, self._clock)
        except httpx.HTTPError as error:
            breaker.failed(admission, f"no answer: {type(error).__name__}")
            raise unreachable(service, what, error) from error
        if response.status_code in _UNWELL:
            reason = f"answers {response.status_code}"
            breaker.failed(admission, reason, retry_after(response.headers))
        else:
            breaker.succeeded(admission)
        return response

    def _breaker(self, service: Service) -> CircuitBreaker:
        with self._making:
            found = self._by_service.get(service.name)
            if found is None:
                name = f"OpenStack {service.title} ({self._region})"
                found = CircuitBreaker(name, self._breakers, self._policy, self._clock)
                self._by_service[service.name] = found
            return found
