"""The checks of deploy/compose.yaml; see run."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

DEPLOY = pathlib.Path(__file__).parents[2] / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
# What each image listens on, from its own documentation.
PORTS = {"entrawatch": {9690}, "prometheus": {9090}, "alertmanager": {9093}, "grafana": {3000}, "mailpit": {8025, 1025}}


def read(path):
    return yaml.safe_load((DEPLOY / path).read_text())


def every_mounted_file_exists():
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).is_file(), f"{name}: {source} is not a file"
            else:
                assert source in COMPOSE["volumes"], f"{name}: the volume {source} is not declared"


def every_port_is_on_loopback_and_the_one_the_image_listens_on():
    for name, service in SERVICES.items():
        for port in service["ports"]:
            host, _, inside = port.split(":")
            assert host == "127.0.0.1", f"{name}: {port} is open to the network"
            assert int(inside) in PORTS[name], f"{name}: nothing listens on {inside}"


def every_image_of_others_is_pinned():
    for name, service in SERVICES.items():
        assert "build" in service or re.search(r":v?\d+\.\d+\.\d+$", service["image"]), f"{name}: {service['image']}"


def every_address_names_a_service_and_its_port():
    prometheus = read("compose/prometheus.yaml")
    addresses = [t for job in prometheus["scrape_configs"] for c in job["static_configs"] for t in c["targets"]]
    addresses += [t for a in prometheus["alerting"]["alertmanagers"] for c in a["static_configs"] for t in c["targets"]]
    addresses.append(read("compose/alertmanager.yaml")["global"]["smtp_smarthost"])
    addresses += [source["url"].split("//")[1] for source in read("compose/grafana/datasource.yaml")["datasources"]]
    addresses.append(re.search(r"smtp://(\S+)", (DEPLOY / "entrawatch.env.example").read_text())[1])
    for address in addresses:
        service, port = address.split(":")
        assert int(port) in PORTS.get(service, ()), f"{address} is no service of compose.yaml"


def the_image_exposes_its_port():
    assert re.search(r"^EXPOSE 9690$", (DEPLOY.parent / "Dockerfile").read_text(), re.M)


def prometheus_accepts_its_configuration():
    with tempfile.TemporaryDirectory() as folder:
        for volume in SERVICES["prometheus"]["volumes"]:
            if volume.startswith("."):
                source, target, _ = volume.split(":")
                shutil.copy(DEPLOY / source, pathlib.Path(folder) / pathlib.Path(target).name)
        run(["promtool", "check", "config", f"{folder}/prometheus.yaml"])


def alertmanager_accepts_its_configuration():
    run(["amtool", "check-config", str(DEPLOY / "compose/alertmanager.yaml")])


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


CHECKS = [
    every_mounted_file_exists,
    every_port_is_on_loopback_and_the_one_the_image_listens_on,
    every_image_of_others_is_pinned,
    every_address_names_a_service_and_its_port,
    the_image_exposes_its_port,
    prometheus_accepts_its_configuration,
    alertmanager_accepts_its_configuration,
]
failures = 0
for check in CHECKS:
    try:
        check()
    except (AssertionError, OSError) as why:
        failures += 1
        print(f"FAILED {check.__name__}: {why}")
print(f"{len(CHECKS) - failures} passed, {failures} failed")
sys.exit(failures > 0)
