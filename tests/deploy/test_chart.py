"""The Helm chart, as Helm renders it."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from tests.deploy.tools import BIN, DEPLOY, run

CHART = DEPLOY / "helm/dragoman"
NONE = {"name": "", "key": "k"}
SQLITE = {
    "replicaCount": 1,
    "secrets": {"database": NONE, "redis": NONE, "adminPassword": NONE},
    "persistence": {"enabled": True, "storageClassName": "fast"},
}
ALL = {
    "workers": 4,
    "drainSeconds": 30,
    "config": '[providers.ollama]\nbase_url = "http://ollama:11434/v1"\n',
    "ingress": {"enabled": True, "className": "nginx", "tlsSecret": "cert"},
    "autoscaling": {"enabled": True},
    "envFrom": [{"secretRef": {"name": "provider-keys"}}],
    "env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
    "imagePullSecrets": [{"name": "pull"}],
    "podLabels": {"team": "llm"},
    "podAnnotations": {"a/b": "c"},
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "a", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
    ],
    "service": {"annotations": {"a": "b"}},
    "serviceAccount": {"annotations": {"a": "b"}},
}
REFUSED = {
    "several replicas cannot share a SQLite file": {"secrets": {"database": NONE}},
    "a SQLite file needs a volume": {"replicaCount": 1, "secrets": {"database": NONE}},
    "a volume belongs to one pod": {"persistence": {"enabled": True}},
    "replicas": {"replicas": 3},
    "secretKey": {"secrets": {"secretKey": NONE}},
    "drainSeconds": {"drainSeconds": "long"},
    "minimum": {"drainSeconds": 0},  # the gateway has no drain of 0
    "servce": {"servce": {}},
}


def render(*values: dict[str, Any]) -> list[dict[str, Any]]:
    if BIN.exists() and not list(BIN.parent.glob("lib/*/site-packages/helm_python")):
        pytest.skip("there is no Helm engine for this machine")
    told = run("python", DEPLOY.parent / "tests/deploy/chart.py", CHART, text=json.dumps(values))
    return cast("list[dict[str, Any]]", json.loads(told))


def _kinds(rendered: dict[str, Any]) -> dict[str, Any]:
    assert rendered.get("wrong") == [], rendered
    return {document["kind"]: document for document in rendered["documents"]}


def test_what_the_chart_renders_is_what_kubernetes_takes() -> None:
    default, sqlite, everything = (_kinds(one) for one in render({}, SQLITE, ALL))
    small = {"ConfigMap", "Deployment", "PodDisruptionBudget", "Service", "ServiceAccount"}
    assert set(default) == small
    assert set(sqlite) == {*small, "PersistentVolumeClaim"}
    assert set(everything) == {*small, "HorizontalPodAutoscaler", "Ingress"}
    assert sqlite["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}
    assert "replicas" not in everything["Deployment"]["spec"]
    assert everything["ConfigMap"]["data"]["config.toml"] == ALL["config"]


def test_a_pod_is_restricted_and_has_time_to_drain() -> None:
    for rendered in render({}, SQLITE, ALL):
        pod = _kinds(rendered)["Deployment"]["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        env = {entry["name"]: entry["value"] for entry in container["env"]}
        pause = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
        drain = int(env["DRAGOMAN_SERVER__DRAIN"])
        assert pod["terminationGracePeriodSeconds"] >= pause + drain + 12  # last words, journal
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
        assert mounted == {"/etc/dragoman", "/run/secrets/dragoman", "/var/lib/dragoman", "/tmp"}


def test_secrets_are_named_and_mounted_never_written() -> None:
    (default, sqlite) = (_kinds(one) for one in render({}, SQLITE))
    for kinds, files in (
        (default, {"secretKey", "adminPassword", "database", "redis"}),
        (sqlite, {"secretKey"}),
    ):
        assert "Secret" not in kinds
        pod = kinds["Deployment"]["spec"]["template"]["spec"]
        sources = next(v for v in pod["volumes"] if v["name"] == "secrets")["projected"]["sources"]
        assert {source["secret"]["items"][0]["path"] for source in sources} == files
        named = [e for e in pod["containers"][0]["env"] if e["name"].endswith("_FILE")]
        assert {entry["value"] for entry in named} == {f"/run/secrets/dragoman/{f}" for f in files}


def test_values_that_would_lose_something_are_refused() -> None:
    for said, rendered in zip(REFUSED, render(*REFUSED.values()), strict=True):
        assert said in rendered.get("refused", ""), (said, rendered)
