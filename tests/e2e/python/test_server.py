"""The server as an orchestrator and a curious developer see it: health, reflection, and how it stops."""

import grpc
import pytest
from google.protobuf import descriptor_pb2
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from curfew.v1 import revocation_pb2 as pb, revocation_pb2_grpc
from server import NOT_SERVING, SERVICE, SERVING, CurfewServer


@pytest.mark.parametrize("service", ["", SERVICE])
def test_health_is_told_for_the_process_and_for_the_service(curfew, service):
    assert curfew.check(service) == SERVING


def test_the_health_of_a_service_that_is_not_there_is_not_found(curfew):
    with pytest.raises(grpc.RpcError) as raised:
        curfew.check("curfew.v1.NoSuchService")
    assert raised.value.code() == grpc.StatusCode.NOT_FOUND


def reflect(curfew, request):
    # The messages of v1 are those of v1alpha, which is all that the Python package has.
    call = curfew.channel.stream_stream(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    return next(call(iter([request]), timeout=10))


def test_reflection_lists_the_services(curfew):
    answer = reflect(curfew, reflection_pb2.ServerReflectionRequest(list_services=""))
    names = {service.name for service in answer.list_services_response.service}
    assert {SERVICE, "grpc.health.v1.Health"} <= names


def test_reflection_describes_every_method(curfew):
    request = reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICE)
    files = reflect(curfew, request).file_descriptor_response.file_descriptor_proto
    parsed = [descriptor_pb2.FileDescriptorProto.FromString(file) for file in files]
    methods = {method.name for file in parsed for service in file.service for method in service.method}
    assert methods == {method.name for method in pb.DESCRIPTOR.services_by_name["RevocationService"].methods}


def test_sigterm_is_told_to_whoever_watches_the_health_and_ends_with_exit_code_0(own_curfew, issuers, user):
    subject = pb.Subject(issuer="pem", subject=user)
    own_curfew.stub.RecordLogout(pb.RecordLogoutRequest(subject=subject), timeout=10)
    own_curfew.stub.ValidateToken(pb.ValidateTokenRequest(token=issuers.token("pem", user)), timeout=10)
    watch = own_curfew.health.Watch(health_pb2.HealthCheckRequest(service=SERVICE))
    assert next(watch).status == SERVING

    own_curfew.terminate()

    assert next(watch).status == NOT_SERVING, "a load balancer hears of it while its connection still stands"
    # The watch stays open: it must not hold up the end.
    assert own_curfew.exit_code() == 0, own_curfew.logs()
    assert own_curfew.more_stdout() == [None], "one line on stdout, and no more"
    assert "eyJ" not in own_curfew.logs(), "no token is ever logged"
    with pytest.raises(grpc.RpcError):
        own_curfew.check()


def test_while_it_drains_curfew_is_not_ready_but_still_answers(issuers, tmp_path, user):
    # As long as a load balancer may take to notice. On another connection, as whoever has not noticed may open one.
    drain = '[shutdown]\ndrain_delay = "2s"\n'
    with CurfewServer(tmp_path, drain + issuers.config) as curfew:
        watch = curfew.health.Watch(health_pb2.HealthCheckRequest(service=SERVICE))
        assert next(watch).status == SERVING

        curfew.terminate()
        assert next(watch).status == NOT_SERVING

        with grpc.insecure_channel(curfew.address) as channel:
            stub = revocation_pb2_grpc.RevocationServiceStub(channel)
            assert stub.ValidateToken(pb.ValidateTokenRequest(token=issuers.token("pem", user)), timeout=10).valid
        assert curfew.check("") == SERVING, "alive: a restart would not help"
        assert curfew.check() == NOT_SERVING
        assert curfew.exit_code() == 0, curfew.logs()
