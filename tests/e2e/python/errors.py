"""Reads the rich error that comes in the `grpc-status-details-bin` trailer."""

from contextlib import contextmanager

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

DETAILS = {
    kind.DESCRIPTOR.full_name: kind
    for kind in (error_details_pb2.BadRequest, error_details_pb2.ErrorInfo, error_details_pb2.RetryInfo)
}


class Refusal:
    """What a refused call says: `code`, `message`, `reason`, `metadata`, `fields` (name -> what is wrong) and
    `retry_after` (seconds, or None)."""

    def __init__(self, error):
        self.code = error.code()
        self.message = error.details()
        self.fields = {}
        self.retry_after = None
        self.reason = self.domain = None
        status = rpc_status.from_call(error)
        assert status is not None, f"no details: {self.code} {self.message}"
        for packed in status.details:
            detail = DETAILS[packed.TypeName()]()
            assert packed.Unpack(detail)
            self._take(detail)

    def _take(self, detail):
        match detail:
            case error_details_pb2.BadRequest():
                self.fields = {violation.field: violation.description for violation in detail.field_violations}
            case error_details_pb2.RetryInfo():
                self.retry_after = detail.retry_delay.ToTimedelta().total_seconds()
            case error_details_pb2.ErrorInfo():
                assert self.reason is None, "every error carries one ErrorInfo"
                self.reason, self.domain, self.metadata = detail.reason, detail.domain, dict(detail.metadata)


@contextmanager
def refused(code, reason):
    """Expects the call inside to be refused so; what it says is in the list that this gives, afterwards."""
    said = []
    with pytest.raises(grpc.RpcError) as raised:
        yield said
    refusal = Refusal(raised.value)
    assert (refusal.code, refusal.reason, refusal.domain) == (code, reason, "curfew.v1"), refusal.message
    said.append(refusal)
