"""What the chart renders, object by object."""

import kubernetes_validate
import pytest
from chart import CHART, EXAMPLES, container, example, helm, issuer, pod, render, render_all, stateful_set

each_example = pytest.mark.parametrize("name", EXAMPLES)


@each_example
def test_lint_has_nothing_to_say(name):
    done = helm("lint", "--strict", CHART, "--values", EXAMPLES[name])
    assert done.returncode == 0 and "[WARNING]" not in done.stdout, done.stdout


@each_example
@pytest.mark.parametrize("version", ["1.29", "1.34", "1.37"])
def test_kubernetes_takes_every_object(name, version):
    for one in render_all(example(name)).values():
        kubernetes_validate.validate(one, version, strict=True)


@each_example
def test_rendering_twice_gives_the_same(name):
    assert render_all(example(name)) == render_all(example(name))


@each_example
def test_every_object_is_in_the_namespace_and_labelled(name):
    for one in render_all(example(name)).values():
        assert one["metadata"]["namespace"] == "identity"
        assert one["metadata"]["labels"]["app.kubernetes.io/instance"] == "curfew"
        assert one["metadata"]["labels"]["app.kubernetes.io/version"] == "0.1.0"


def test_the_default_release_has_these_objects():
    assert set(render()) == {
        ("ConfigMap", "curfew"),
        ("NetworkPolicy", "curfew"),
        ("Service", "curfew"),
        ("Service", "curfew-headless"),
        ("ServiceAccount", "curfew"),
        ("StatefulSet", "curfew"),
    }


@each_example
def test_the_pod_is_restricted(name):
    """Field by field: the Restricted level of the Pod Security Standards, and what it leaves open."""
    objects = render_all(example(name))
    spec = pod(objects)["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & spec.keys()
    assert all(volume.keys() <= {"name", "configMap", "secret", "emptyDir"} for volume in spec["volumes"])
    assert container(objects)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "hostPort" not in container(objects)["ports"][0]


def test_the_user_is_that_of_the_image_unless_the_platform_chooses():
    users = {"runAsUser", "runAsGroup", "fsGroup"}
    chosen = pod(render())["spec"]["securityContext"]
    assert {key: chosen[key] for key in users} == dict.fromkeys(users, 65532)
    assert not users & pod(render_all(example("openshift")))["spec"]["securityContext"].keys()


def test_the_service_account_has_no_token():
    assert render()["ServiceAccount", "curfew"]["automountServiceAccountToken"] is False
    without = render(serviceAccount={"create": False})
    assert ("ServiceAccount", "curfew") not in without
    assert pod(without)["spec"]["serviceAccountName"] == "default"


def test_the_probes_are_grpc_on_the_numbered_port():
    probed = container(render())
    assert probed["ports"] == [{"name": "grpc", "containerPort": 50051, "protocol": "TCP"}]
    # Alive must not depend on keys: an identity provider that is down would get the pod killed.
    assert probed["startupProbe"]["grpc"] == probed["livenessProbe"]["grpc"] == {"port": 50051}
    assert probed["readinessProbe"]["grpc"] == {"port": 50051, "service": "curfew.v1.RevocationService"}


def test_one_replica_that_a_correction_can_always_replace():
    spec = stateful_set(render())["spec"]
    assert (spec["replicas"], spec["podManagementPolicy"]) == (1, "Parallel")
    assert spec["selector"]["matchLabels"].items() <= pod(render())["metadata"]["labels"].items()


def test_the_data_survives_pod_and_release():
    spec = stateful_set(render())["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOncePod"]
    assert "storageClassName" not in claim["spec"]
    assert "helm.sh/chart" not in claim["metadata"]["labels"], "a claim template must not change with the version"
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    mounts = {mount["name"]: mount["mountPath"] for mount in container(render())["volumeMounts"]}
    assert mounts[claim["metadata"]["name"]] == "/var/lib/curfew"
    assert mounts["tmp"] == "/tmp"


@pytest.mark.parametrize("drain,grace,seconds", [("5s", "20s", 35), ("0s", "9s", 19), ("10s", "3600s", 3620)])
def test_kubernetes_waits_longer_than_the_program_takes_to_stop(drain, grace, seconds):
    rendered = render(config={"shutdown": {"drain_delay": drain, "grace": grace}})
    assert pod(rendered)["spec"]["terminationGracePeriodSeconds"] == seconds


def test_the_services_say_that_the_port_is_plain_http2():
    objects = render(service={"port": 443})
    port = {"name": "grpc", "port": 443, "targetPort": "grpc", "protocol": "TCP", "appProtocol": "kubernetes.io/h2c"}
    for name, address in (("curfew", None), ("curfew-headless", "None")):
        spec = objects["Service", name]["spec"]
        assert (spec["type"], spec.get("clusterIP"), spec["ports"]) == ("ClusterIP", address, [port])
        assert spec["selector"] == stateful_set(objects)["spec"]["selector"]["matchLabels"]
    assert stateful_set(objects)["spec"]["serviceName"] == "curfew-headless"


def test_only_labelled_neighbours_may_call():
    policy = render()["NetworkPolicy", "curfew"]["spec"]
    assert policy["podSelector"]["matchLabels"] == stateful_set(render())["spec"]["selector"]["matchLabels"]
    assert policy["policyTypes"] == ["Ingress"]
    neighbours = {"podSelector": {"matchLabels": {"curfew-client": "true"}}}
    assert policy["ingress"] == [{"from": [neighbours], "ports": [{"port": "grpc", "protocol": "TCP"}]}]


def test_the_front_desk_has_a_door_of_its_own():
    objects = render(config={"http": {"enabled": True}}, service={"httpPort": 80})
    port = {"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP", "appProtocol": "http"}
    for name in ("curfew", "curfew-headless"):
        assert objects["Service", name]["spec"]["ports"][1:] == [port]
    assert container(objects)["ports"][1:] == [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]
    # Whoever may call the one may not therefore call the other.
    rules = objects["NetworkPolicy", "curfew"]["spec"]["ingress"]
    assert [rule["ports"] for rule in rules] == [[{"port": "grpc", "protocol": "TCP"}]]
    controller = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}
    opened = render(config={"http": {"enabled": True}}, networkPolicy={"httpFrom": [controller]})
    rules = opened["NetworkPolicy", "curfew"]["spec"]["ingress"]
    assert rules[1] == {"from": [controller], "ports": [{"port": "http", "protocol": "TCP"}]}
    closed = render(config={"http": {"enabled": True}}, networkPolicy={"from": []})
    assert closed["NetworkPolicy", "curfew"]["spec"]["ingress"] == []


def test_an_empty_list_of_callers_lets_nobody_in():
    """To Kubernetes an empty `from` means everybody."""
    policy = render(networkPolicy={"from": []})["NetworkPolicy", "curfew"]["spec"]
    assert (policy["policyTypes"], policy["ingress"]) == (["Ingress"], [])


def test_egress_is_limited_only_where_it_is_given():
    rules = [{"ports": [{"port": 443, "protocol": "TCP"}]}]
    policy = render(networkPolicy={"egress": rules})["NetworkPolicy", "curfew"]["spec"]
    assert (policy["policyTypes"], policy["egress"]) == (["Ingress", "Egress"], rules)


def test_a_budget_is_made_on_request():
    budget = render(podDisruptionBudget={"enabled": True})["PodDisruptionBudget", "curfew"]["spec"]
    assert (budget["maxUnavailable"], budget["unhealthyPodEvictionPolicy"]) == (0, "AlwaysAllow")


@pytest.mark.parametrize("image,reference", [
    ({}, "curfew:0.1.0"),
    ({"repository": "images.example/a/b", "tag": "1.2"}, "images.example/a/b:1.2"),
    ({"tag": "1.2", "digest": "sha256:" + 64 * "a"}, "curfew@sha256:" + 64 * "a"),
])
def test_the_image_goes_by_tag_or_digest(image, reference):
    assert container(render(image=image))["image"] == reference


def test_secrets_and_files_are_mounted_by_reference():
    objects = render_all(example("every-value"))
    volumes = {volume["name"]: volume for volume in pod(objects)["spec"]["volumes"]}
    mounts = {mount["name"]: mount for mount in container(objects)["volumeMounts"]}
    assert mounts["config"] == {
        "name": "config", "mountPath": "/etc/curfew/curfew.toml", "subPath": "curfew.toml", "readOnly": True}
    assert mounts["secret-hs256"] == {
        "name": "secret-hs256", "mountPath": "/etc/curfew/secrets/hs256", "readOnly": True}
    assert volumes["secret-hs256"]["secret"] == {
        "secretName": "curfew-hs256", "defaultMode": 0o440, "items": [{"key": "secret", "path": "secret"}]}
    assert mounts["files-keys"]["mountPath"] == "/etc/curfew/files/keys"
    assert volumes["files-keys"]["configMap"] == {"name": "curfew-keys"}
    assert mounts.keys() == volumes.keys() | {"data"}


def test_the_scheduling_values_reach_the_pod():
    values, objects = example("every-value"), render_all(example("every-value"))
    spec = pod(objects)["spec"]
    for key in ("nodeSelector", "tolerations", "affinity", "priorityClassName", "imagePullSecrets"):
        assert spec[key] == values[key], key
    assert container(objects)["env"] == values["extraEnv"]
    assert container(objects)["resources"] == values["resources"]
    assert values["podLabels"].items() <= pod(objects)["metadata"]["labels"].items()
    assert values["podAnnotations"].items() <= pod(objects)["metadata"]["annotations"].items()


def test_long_names_stay_valid():
    for kind, name in render(fullnameOverride=60 * "a"):
        assert len(name) <= 63, kind


def test_the_checksum_changes_with_the_configuration_and_with_nothing_else():
    def checksum(**values):
        return pod(render(**values))["metadata"]["annotations"]["checksum/config"]

    assert checksum() == checksum(podLabels={"a": "b"}, image={"tag": "2"})
    assert checksum() != checksum(config={"log": {"level": "debug"}})
    assert checksum() != checksum(issuers=[issuer(leeway="5s")])


def test_the_notes_are_honest_about_who_can_call():
    def notes(**values):
        done = helm("install", "curfew", CHART, "--dry-run=client", values={"issuers": [issuer()], **values})
        assert done.returncode == 0, done.stderr
        return done.stdout.split("NOTES:")[1]

    assert "does not authenticate its callers" in notes() and "port-forward service/curfew" in notes()
    assert "nobody can call" in notes(networkPolicy={"from": []})
    assert "ANY pod of this cluster" in notes(networkPolicy={"enabled": False})
    assert "-proto curfew/v1/revocation.proto" in notes(config={"grpc": {"reflection": False}})
    assert "DELETES" in notes(persistence={"retentionPolicy": {"whenDeleted": "Delete"}})
