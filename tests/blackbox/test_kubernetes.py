# SPDX-License-Identifier: MIT
"""deploy/kubernetes.yaml: what it says holds together, and a server with its configuration does what its probes and periods
take for granted."""
import pathlib
import re
import signal
import time

import pytest
import yaml

import wire
from examples import changed

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SITE = "/usr/share/uvhttpd/www"


def documents(name):
    return {document["kind"]: document for document in yaml.safe_load_all((DEPLOY / name).read_text(encoding="utf-8"))}


ALL = documents("kubernetes.yaml")
POD = ALL["Deployment"]["spec"]["template"]["spec"]
CONTAINER = POD["containers"][0]
TOML = ALL["ConfigMap"]["data"]["uvhttpd.toml"]
GRACE = POD["terminationGracePeriodSeconds"]


def probes():
    return {name: CONTAINER[name] for name in ("readinessProbe", "livenessProbe")}


def seconds(key):
    """The value of a key of the configuration, a duration in whole seconds."""
    return int(re.search(rf'^{key}\s*= "(\d+)s"', TOML, re.MULTILINE)[1])


@pytest.fixture
def running(server):
    """The server with exactly this configuration, but for the root and the port of this machine."""
    return server(changed(TOML, {f'"{SITE}"': f'"{ROOT}/www"', '"0.0.0.0:8080"': '"127.0.0.1:0"'}))


# --- the files ---

def test_the_documents_are_those_of_a_service_that_stays():
    assert set(ALL) == {"ConfigMap", "Deployment", "Service", "PodDisruptionBudget"}
    assert ALL["Deployment"]["spec"]["replicas"] > ALL["PodDisruptionBudget"]["spec"]["minAvailable"]


def test_everything_that_selects_pods_selects_these():
    labels = ALL["Deployment"]["spec"]["template"]["metadata"]["labels"]
    for selector in (ALL["Deployment"]["spec"]["selector"]["matchLabels"], ALL["Service"]["spec"]["selector"],
                     ALL["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
                     POD["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"]):
        assert selector.items() <= labels.items()


def test_the_autoscaler_is_for_this_deployment_and_never_below_it():
    scaler = documents("kubernetes-autoscaler.yaml")["HorizontalPodAutoscaler"]["spec"]
    deployment = ALL["Deployment"]
    assert scaler["scaleTargetRef"] == {"apiVersion": deployment["apiVersion"], "kind": "Deployment",
                                        "name": deployment["metadata"]["name"]}
    assert scaler["minReplicas"] >= deployment["spec"]["replicas"]
    assert float(scaler["metrics"][0]["resource"]["target"]["averageValue"]) < float(CONTAINER["resources"]["limits"]["cpu"])


def test_the_ports_are_those_of_the_listener():
    port = CONTAINER["ports"][0]
    assert f'address         = "0.0.0.0:{port["containerPort"]}"' in TOML
    assert {ALL["Service"]["spec"]["ports"][0]["targetPort"], *(probe["httpGet"]["port"] for probe in probes().values())} == {port["name"]}


def test_it_runs_what_the_image_has():
    assert POD["securityContext"]["runAsUser"] == int(re.search(r"^USER (\d+)$", DOCKERFILE, re.MULTILINE)[1])
    assert "CMD " + str(CONTAINER["args"]).replace("'", '"') in DOCKERFILE
    mounts = {mount["name"]: mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
    assert CONTAINER["args"][1] == f"{mounts['config']}/uvhttpd.toml" and mounts["tmp"] == "/tmp"
    volumes = {volume["name"]: volume for volume in POD["volumes"]}
    assert set(mounts) == set(volumes) and volumes["config"]["configMap"]["name"] == ALL["ConfigMap"]["metadata"]["name"]


def test_it_keeps_to_the_restricted_pod_security_standard():
    pod, container = POD["securityContext"], CONTAINER["securityContext"]
    assert pod["runAsNonRoot"] is True and pod["runAsUser"] != 0 and pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & set(POD)


def test_the_grace_period_has_room_for_pre_stop_and_drain():
    command = CONTAINER["lifecycle"]["preStop"]["exec"]["command"]
    assert command[0] == "/bin/sleep"
    assert int(command[1]) + seconds("drain_timeout") + 2 <= GRACE


def test_the_table_of_how_a_pod_ends_has_these_numbers():
    text = (DEPLOY / "README.md").read_text(encoding="utf-8")
    stop, drain = int(CONTAINER["lifecycle"]["preStop"]["exec"]["command"][1]), seconds("drain_timeout")
    for row in (f"| 0 to {stop} |", f"| {stop} | TERM", f"| {stop} to {stop + drain} |", f"({drain} s)", f"| {GRACE} |"):
        assert row in text, row


def test_no_file_has_a_key_twice():
    """YAML readers take the last one without a word."""
    class Strict(yaml.SafeLoader):
        def construct_mapping(self, node, deep=False):
            keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
            assert len(keys) == len(set(keys)), f"{keys} in line {node.start_mark.line + 1}"
            return super().construct_mapping(node, deep)
    for file in DEPLOY.glob("*.yaml"):
        for _ in yaml.load_all(file.read_text(encoding="utf-8"), Strict):
            pass


# --- the server ---

def test_its_configuration_passes_its_own_tests(uvhttpd, tmp_path):
    file = tmp_path / "uvhttpd.toml"
    file.write_text(changed(TOML, {f'"{SITE}"': f'"{ROOT}/www"'}), encoding="utf-8")
    result = uvhttpd("check", "-c", file)
    assert result.returncode == 0, result.stderr


def test_probes_are_answered_for_any_host_and_are_not_logged(running):
    for probe in probes().values():
        for host in ("10.1.2.3:8080", "localhost"):
            began = time.monotonic()
            assert running.fetch(probe["httpGet"]["path"], host=host).status == 200
            assert time.monotonic() - began < probe["timeoutSeconds"]
    assert running.fetch("/", host="www.example.org").status == 200
    wire.wait_until(running.stdout_text, "a line of the access log")
    assert "/health" not in running.stdout_text()


def is_ready(running):
    """As the kubelet asks: on a connection of its own."""
    try:
        return running.fetch(CONTAINER["readinessProbe"]["httpGet"]["path"]).status == 200
    except (OSError, wire.Closed):
        return False


def test_on_term_it_is_no_longer_ready_completes_what_was_asked_and_ends_in_time(running):
    assert is_ready(running)
    with running.client() as asking:
        asking.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
        # On a connection that is answered behind it, the half of a head has surely been read.
        assert is_ready(running)
        began = time.monotonic()
        running.signal(signal.SIGTERM)
        wire.wait_until(lambda: not is_ready(running), "it is not ready", CONTAINER["readinessProbe"]["periodSeconds"])
        asking.send(b"\r\n")
        answer = asking.response()
        assert answer.status == 200 and answer.get("Connection") == "close"
    running.wait_for_end()
    assert time.monotonic() - began < GRACE
