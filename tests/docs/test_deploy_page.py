"""``docs/deploy``: files that parse, fit each other, and start the real command with options that it has."""

import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from vaiven.edge.cli import cli
from vaiven.edge.doctor.checks.redis import check_redis
from vaiven.edge.doctor.findings import Code
from vaiven.edge.doctor.looks.redis import look_at_redis
from vaiven.edge.doctor.looks.settings import read
from vaiven.edge.web import BODY_LIMIT_BYTES, Door
from vaiven.testing.servers import server

ROLES = ("web", "turn", "send")
GRACE_S = 60
"""What ``docs/run.md`` asks for between SIGTERM and SIGKILL."""
BOTS = "/srv/bots/", "/srv/vaiven/bots/"
"""Where the bots of the repository lie in the image, and on a machine."""


@pytest.fixture(scope="module")
def deploy() -> Path:
    return Path(__file__).parents[2] / "docs" / "deploy"


def documents(path: Path) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(path.read_text("utf-8")) if each is not None]


def manifests(deploy: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((deploy / "kubernetes").glob("*.yaml")):
        yield from documents(path)


def of_kind(deploy: Path, kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in manifests(deploy) if each["kind"] == kind}


def understood(command: list[str]) -> dict[str, Any]:
    """The parameters that the real command line reads from these words."""
    name, *args = command
    found = cli.get_command(SimpleNamespace(), name)
    assert found is not None, name
    return found.make_context(name, list(args)).params


def bot_of(params: dict[str, Any], root: Path) -> Path:
    """The bot in this repository that a command names."""
    for place in BOTS:
        if str(params["bot"]).startswith(place):
            return root / "bots" / str(params["bot"]).removeprefix(place)
    raise AssertionError(f"{params['bot']} is in neither {BOTS}")


def stages(text: str) -> list[tuple[str, str]]:
    """Instructions of a Dockerfile, continued lines joined, comments left out."""
    joined = re.sub(r"\\\n", " ", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in joined.splitlines() if line.strip()]


def test_every_file_is_named_on_the_page(deploy: Path, page) -> None:
    told = page("docs/deploy.md").text
    files = {path.name for path in deploy.rglob("*") if path.is_file()}
    by_folder = {"namespace.yaml", "turn.yaml", "send.yaml", "Dockerfile.dockerignore"}
    assert {name for name in files if name not in told} <= by_folder


# -- the image ------------------------------------------------------------------------------------------------------------


def test_the_image_is_small_and_not_root(deploy: Path) -> None:
    lines = stages((deploy / "Dockerfile").read_text("utf-8"))
    froms = [rest.split()[0] for instruction, rest in lines if instruction == "FROM"]
    assert froms == ["python:3.12-slim"] * 2  # no registry's host, and nothing of the first stage but what is copied
    last = lines[max(index for index, (instruction, _) in enumerate(lines) if instruction == "FROM") :]
    assert dict(last)["USER"] == "10001:10001"
    assert "apt-get" not in str(lines)


def test_the_image_copies_what_is_there_and_is_sent_it(deploy: Path, root: Path) -> None:
    lines = stages((deploy / "Dockerfile").read_text("utf-8"))
    copied = {
        name
        for instruction, rest in lines
        if instruction == "COPY" and not rest.startswith("--from")
        for name in rest.split()[:-1]
    }
    assert {name for name in copied if not (root / name).exists()} == set()
    sent = {line[1:] for line in (deploy / "Dockerfile.dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    assert copied == sent


def test_the_extras_of_the_image_are_there(deploy: Path, root: Path) -> None:
    asked = re.findall(r'"\.\[([\w,]+)\]"', (deploy / "Dockerfile").read_text("utf-8"))
    extras = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert set(",".join(asked).split(",")) <= set(extras)


def test_the_image_starts_a_command_that_there_is(deploy: Path, root: Path) -> None:
    lines = dict(stages((deploy / "Dockerfile").read_text("utf-8")))
    assert yaml.safe_load(lines["ENTRYPOINT"]) == ["vaiven"]
    params = understood(yaml.safe_load(lines["CMD"]))
    assert (bot_of(params, root) / "bot.yaml").exists()
    assert str(params["port"]) == lines["EXPOSE"]
    assert params["host"] == "0.0.0.0"
    assert f"127.0.0.1:{params['port']}/health/live" in lines["HEALTHCHECK"]


def test_health_is_asked_where_it_is_told(deploy: Path) -> None:
    paths = {route.path for route in Door(SimpleNamespace(lines={}, intake=None, counts=None), "").routes()}
    asked = {
        found
        for path in deploy.rglob("*")
        if path.is_file()
        for found in re.findall(r"/health/\w+|/metrics", path.read_text("utf-8"))
    }
    assert asked == {"/health/live", "/health/ready"}
    assert asked < paths


# -- compose --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def services(deploy: Path) -> dict[str, dict[str, Any]]:
    (compose,) = documents(deploy / "compose.yaml")
    return compose["services"]


@pytest.mark.parametrize("role", ROLES)
def test_a_service_for_each_role(services: dict[str, dict[str, Any]], root: Path, role: str) -> None:
    service = services[role]
    params = understood(service["command"])
    assert tuple(params["role"]) == (role,)
    assert (bot_of(params, root) / "bot.yaml").exists()
    assert params["store"] == "redis://redis:6379"
    assert int(service["stop_grace_period"].removesuffix("s")) >= GRACE_S
    assert service["depends_on"] == {"redis": {"condition": "service_healthy"}}
    assert f":{params['port']}/health/ready" in service["healthcheck"]["test"][-1]
    assert service["read_only"]
    assert service["env_file"] == "secrets.env"
    assert (root / service["build"]["dockerfile"]).exists()


def test_only_the_door_is_open_and_only_to_this_machine(services: dict[str, dict[str, Any]]) -> None:
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert ports == {"web": ["127.0.0.1:8080:8080"]}


def test_no_image_names_a_registry(services: dict[str, dict[str, Any]], deploy: Path) -> None:
    images = [service["image"] for service in services.values()]
    images += [
        box["image"] for each in of_kind(deploy, "Deployment").values() for box in each["spec"]["template"]["spec"]["containers"]
    ]
    assert {image for image in images if "/" in image} == set()


async def test_redis_is_started_as_the_doctor_would_have_it(services: dict[str, dict[str, Any]], told_worst) -> None:
    program, *options = services["redis"]["command"]
    assert program == "redis-server"
    with server(extra=options) as one:
        found = told_worst(check_redis(await look_at_redis(one.url), "redis-fast"))
    # One machine has no replica.
    assert {code for code, severity in found.items() if severity != "ok"} == {Code.REDIS_REPLICAS}
    assert services["redis"]["volumes"] == ["redis:/data"]


@pytest.fixture
def told_worst():
    def worst(findings) -> dict[Code, str]:
        found: dict[Code, str] = {}
        for finding in findings:
            if found.get(finding.code, "ok") == "ok":
                found[finding.code] = finding.severity.value
        return found

    return worst


def test_the_bot_finds_every_variable_that_it_names(deploy: Path, root: Path) -> None:
    wanted = {variable.name for variable in read(root / "bots/tv_vote", {}, {}).facts.variables}
    lines = (deploy / "secrets.env.example").read_text("utf-8").splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert set(given) == wanted
    assert {name for name, value in given.items() if value and "SID" not in name} == {"PUBLIC_URL"}


# -- Kubernetes -----------------------------------------------------------------------------------------------------------


def test_kustomization_has_every_manifest_but_the_optional_ones(deploy: Path) -> None:
    (kustomization,) = documents(deploy / "kubernetes" / "kustomization.yaml")
    files = {path.name for path in (deploy / "kubernetes").glob("*.yaml")}
    assert set(kustomization["resources"]) == files - {"kustomization.yaml", "hpa.yaml", "people.yaml"}
    assert [image["name"] for image in kustomization["images"]] == ["vaiven-bot"]


@pytest.mark.parametrize("role", ROLES)
def test_a_deployment_for_each_role(deploy: Path, root: Path, role: str) -> None:
    deployment = of_kind(deploy, "Deployment")[f"vaiven-{role}"]
    pod = deployment["spec"]["template"]
    assert deployment["spec"]["selector"]["matchLabels"] == pod["metadata"]["labels"]
    (box,) = pod["spec"]["containers"]
    params = understood(box["args"])
    assert (tuple(params["role"]), params["host"]) == ((role,), "0.0.0.0")
    assert (bot_of(params, root) / "bot.yaml").exists()
    assert [port["containerPort"] for port in box["ports"]] == [params["port"]]
    probes = [box[name]["httpGet"] for name in ("startupProbe", "readinessProbe", "livenessProbe")]
    assert [probe["path"] for probe in probes] == ["/health/ready", "/health/ready", "/health/live"]
    assert {probe["port"] for probe in probes} == {port["name"] for port in box["ports"]}


@pytest.mark.parametrize("role", ROLES)
def test_a_pod_has_time_to_end(deploy: Path, role: str) -> None:
    pod = of_kind(deploy, "Deployment")[f"vaiven-{role}"]["spec"]["template"]["spec"]
    before = pod["containers"][0].get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["sleep", "0"])
    assert pod["terminationGracePeriodSeconds"] >= int(before[1]) + GRACE_S


def test_what_is_asked_for_by_name_is_there(deploy: Path) -> None:
    configs, deployments = of_kind(deploy, "ConfigMap"), of_kind(deploy, "Deployment")
    for deployment in deployments.values():
        (box,) = deployment["spec"]["template"]["spec"]["containers"]
        names = [next(iter(each.values()))["name"] for each in box["envFrom"]]
        assert names == [*configs, "vaiven-secrets"]
    assert of_kind(deploy, "Secret") == {}
    labels = {name: each["spec"]["template"]["metadata"]["labels"] for name, each in deployments.items()}
    for name, budget in of_kind(deploy, "PodDisruptionBudget").items():
        assert budget["spec"]["selector"]["matchLabels"] == labels[name]
    (service,) = of_kind(deploy, "Service").values()
    assert service["spec"]["selector"] == labels[service["metadata"]["name"]]
    for scaler in of_kind(deploy, "HorizontalPodAutoscaler").values():
        assert scaler["spec"]["scaleTargetRef"]["name"] in deployments


def test_only_webhooks_come_in(deploy: Path) -> None:
    places = {"vaiven-web": ["/hooks/"], "vaiven-people": ["/inbox/", "/v1/"]}
    ingresses = of_kind(deploy, "Ingress")
    assert ingresses.keys() == places.keys()
    for name, ingress in ingresses.items():
        (rule,) = ingress["spec"]["rules"]
        assert [path["path"] for path in rule["http"]["paths"]] == places[name]
        assert {path["backend"]["service"]["name"] for path in rule["http"]["paths"]} <= of_kind(deploy, "Service").keys()
        assert of_kind(deploy, "ConfigMap")["vaiven-config"]["data"]["PUBLIC_URL"] == f"https://{rule['host']}"
    assert ingresses["vaiven-people"]["metadata"]["annotations"]["nginx.ingress.kubernetes.io/whitelist-source-range"]


def test_pods_keep_the_restricted_standard(deploy: Path) -> None:
    (namespace,) = of_kind(deploy, "Namespace").values()
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for deployment in of_kind(deploy, "Deployment").values():
        pod = deployment["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        context = pod["containers"][0]["securityContext"]
        assert (context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"]) == (False, True)
        assert context["capabilities"] == {"drop": ["ALL"]}


# -- systemd --------------------------------------------------------------------------------------------------------------

UNITS = {
    "vaiven.service": {},
    "vaiven@.service": {"%i": "turn", "${PORT}": "8081", "${WORKERS}": "2", "${STORE}": "redis://127.0.0.1:6379"},
}


def unit(deploy: Path, name: str) -> list[tuple[str, str]]:
    lines = (deploy / "systemd" / name).read_text("utf-8").splitlines()
    return [(key, value) for key, mark, value in (line.partition("=") for line in lines if line[:1] not in "#[") if mark]


@pytest.mark.parametrize(("name", "words"), UNITS.items())
def test_a_unit_starts_a_command_that_there_is(deploy: Path, root: Path, name: str, words: dict[str, str]) -> None:
    started = dict(unit(deploy, name))["ExecStart"]
    for word, value in words.items():
        assert word in started
        started = started.replace(word, value)
    program, *command = shlex.split(started)
    assert program == "/opt/vaiven/bin/vaiven"
    params = understood(command)
    assert (bot_of(params, root) / "bot.yaml").exists()
    assert params["host"] == "127.0.0.1"


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_is_fenced_in_and_has_time_to_end(deploy: Path, name: str) -> None:
    settings = dict(unit(deploy, name))
    assert int(settings["TimeoutStopSec"]) >= GRACE_S
    assert settings["User"] == "vaiven"
    assert settings["ProtectSystem"] == "strict"
    assert settings["StateDirectory"] == "vaiven"
    assert int(settings["LimitNOFILE"]) >= 65_536
    assert settings["CapabilityBoundingSet"] == ""


def test_systemd_itself_finds_nothing_wrong(deploy: Path, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    for name in UNITS:
        text = (deploy / "systemd" / name).read_text("utf-8")
        assert "ExecStart=/opt/vaiven/bin/vaiven " in text
        # What is not installed here would be an error of its own.
        (tmp_path / name.replace("@", "@turn")).write_text(text.replace("=/opt/vaiven/bin/vaiven ", "=/bin/true "), "utf-8")
    if analyze is not None:
        command = [analyze, "verify", "--man=no", "--recursive-errors=no", *map(str, tmp_path.glob("*.service"))]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")


# -- the page -------------------------------------------------------------------------------------------------------------


def test_commands_on_the_page_are_commands(page) -> None:
    text = "\n".join(block.text for block in page("docs/deploy.md").blocks())
    for line in re.findall(r"(?:run --rm web|vaiven-web -- sh -c ')\s*(?:vaiven )?(doctor [^'\n]+)", text):
        understood(shlex.split(line))
    for name in re.findall(r"docs/deploy/[\w./@-]+", text):
        assert (Path(__file__).parents[2] / name).exists() or name.endswith("/secrets.env"), name


def test_the_proxy_lets_through_what_the_door_takes(page) -> None:
    nginx, people = [block.text for block in page("docs/deploy.md").blocks() if block.language == "nginx"]
    assert f"client_max_body_size {BODY_LIMIT_BYTES >> 20}m;" in nginx
    assert "Upgrade $http_upgrade" in people
    assert "deny all;" in people
