"""RPC from processes that are not nameko services: the gateway, the expander, scripts and tests.

nameko's standalone proxy belongs to one thread, leaks a queue at each time-out and cannot be used after its connection
broke (measured); so a client keeps one and throws it away whenever it fails.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from contracts.errors import KINDS, KeryxError, Unavailable, Unexpected

from . import context, logs

log = logs.get(__name__)


def register_errors() -> None:
    """Let the kinds of ``contracts.errors`` come back from a call as themselves."""
    from nameko.exceptions import deserialize_to_instance

    for kind in KINDS:
        deserialize_to_instance(kind)


class Client:
    """Calls to services, one at a time: ``client.call("billing", "hold", holds=[…])``. For one thread only."""

    def __init__(self, amqp_uri: str, timeout: float = 10.0) -> None:
        """Connect at the first call; a call gives up after ``timeout`` seconds."""
        register_errors()
        self._config = {"AMQP_URI": amqp_uri}
        self._timeout = timeout
        self._cluster: Any = None

    def call(self, service: str, method: str, *args: Any, **kwargs: Any) -> Any:
        """The method's result.

        Raises the KeryxError that the service raised, Unavailable("service_unavailable") when it does not answer
        in time or the broker is not there (it may have acted all the same, though no later than that), Unexpected for
        anything else.
        """
        from nameko.exceptions import IncorrectSignature, MalformedRequest, MethodNotFound, RemoteError

        try:
            return getattr(self._proxy_of(service), method)(*args, **kwargs)
        except KeryxError:
            raise
        except (RemoteError, MethodNotFound, IncorrectSignature, MalformedRequest) as error:
            log.error("rpc_remote_error", target=service, method=method, reason=str(error)[:300])
            raise Unexpected("internal_error", "Something went wrong on our side.") from error
        except Exception as error:
            self.close()
            log.warning(
                "rpc_unavailable",
                target=service,
                method=method,
                reason=f"{type(error).__name__}: {error}"[:300],
            )
            raise Unavailable("service_unavailable", f"{service} does not answer") from error

    def is_connected(self) -> bool:
        """True when the last call left a usable connection."""
        return self._cluster is not None

    def close(self) -> None:
        """Drop the connection; the next call makes a new one."""
        cluster, self._cluster = self._cluster, None
        if cluster is not None:
            _ignoring_errors(cluster.stop)

    def _proxy_of(self, service: str) -> Any:
        from nameko.standalone.rpc import ClusterRpcProxy

        from . import calls

        if self._cluster is None:
            self._cluster = ClusterRpcProxy(self._config, context_data={}, timeout=self._timeout)
            self._cluster.start()
        worker_ctx = self._cluster._worker_ctx
        worker_ctx.data.update(
            {context.HEADER: context.correlation_id(), context.ACTOR_HEADER: context.actor()}
        )
        return calls.proxy(worker_ctx, service, self._cluster._reply_listener, self._timeout)


def _ignoring_errors(action: Callable[[], Any]) -> None:
    try:
        action()
    except Exception:  # noqa: BLE001  closing what is broken already
        log.debug("close_failed")
