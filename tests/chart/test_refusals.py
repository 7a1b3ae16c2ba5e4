"""What the chart refuses, and what it says."""

import pytest
from chart import ISSUER, issuer, refusal


@pytest.mark.parametrize("replicas", [0, 2, 3])
def test_any_number_of_replicas_but_one_is_refused_with_the_reason(replicas):
    assert "one volume and has one writer" in refusal(replicas=replicas)


def test_no_issuer_is_refused_with_an_example():
    assert "keys: {discovery: true}" in refusal(issuers=[])


UNKNOWN = [
    {"replica": 1},
    {"image": {"registry": "x"}},
    {"config": {"grpc": {"insecure": False}}},
    {"config": {"http": {"listen": "0.0.0.0:80"}}},
    {"issuers": [issuer(backchannel_logout={"client_id": "web"})]},
    {"issuers": [issuer(audience="api")]},
    {"issuers": [issuer(keys={"hmac_secret": "s3cret"})]},
    {"secretMounts": [{"name": "a", "secretName": "b", "value": "s3cret"}]},
    {"networkPolicy": {"from": [{"podselector": {}}]}},
]


@pytest.mark.parametrize("values", UNKNOWN, ids=str)
def test_an_unknown_value_is_refused(values):
    assert "additional properties" in refusal(**values)


WRONG = [
    ("replicas", {"replicas": "1"}),
    ("tag", {"image": {"tag": 1.2}}),
    ("digest", {"image": {"digest": "sha256:abc"}}),
    ("reflection", {"config": {"grpc": {"reflection": "yes"}}}),
    ("enabled", {"config": {"http": {"enabled": "yes"}}}),
    ("max_connections", {"config": {"http": {"max_connections": 0}}}),
    ("client_ids", {"issuers": [issuer(backchannel_logout={"client_ids": []})]}),
    ("workers", {"config": {"runtime": {"workers": 0}}}),
    ("size", {"config": {"token_cache": {"size": 64}}}),
    ("max_age", {"config": {"connections": {"max_age": "never"}}}),
    ("max_streams", {"config": {"limits": {"max_streams": 1.5}}}),
    ("retention", {"config": {"store": {"retention": "always"}}}),
    ("format", {"config": {"log": {"format": "xml"}}}),
    ("drain_delay", {"config": {"shutdown": {"drain_delay": "1m"}}}),
    ("grace", {"config": {"shutdown": {"grace": 20}}}),
    ("port", {"service": {"port": 0}}),
    ("accessModes", {"persistence": {"accessModes": ["ReadWriteMany"]}}),
    ("runAsUser", {"podSecurityContext": {"runAsUser": 0}}),
    ("from", {"networkPolicy": {"from": [{}]}}),
    ("name", {"issuers": [issuer(name="Acme Inc.")]}),
    ("audiences", {"issuers": [issuer(audiences=[])]}),
    ("audiences", {"issuers": [{key: value for key, value in ISSUER.items() if key != "audiences"}]}),
    ("algorithms", {"issuers": [issuer(algorithms=["none"])]}),
    ("keys", {"issuers": [issuer(keys={})]}),
    ("keys", {"issuers": [issuer(keys={"discovery": True, "jwks_url": "https://a.example"})]}),
    ("keys", {"issuers": [issuer(keys={"discovery": False})]}),
    ("max_token_lifetime", {"issuers": [issuer(max_token_lifetime=3600)]}),
    ("last_logout_claim", {"issuers": [issuer(last_logout_format="seconds")]}),
]


@pytest.mark.parametrize("field,values", WRONG, ids=str)
def test_a_wrong_value_is_refused_by_name(field, values):
    said = refusal(**values)
    assert "specifications of the schema" in said and field in said
