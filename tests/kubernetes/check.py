"""Reads rendered manifests on standard input and says what in them is not as the documents promise."""

import sys

import yaml

ALLOWED_VOLUMES = {"configMap", "secret", "persistentVolumeClaim", "projected", "emptyDir", "downwardAPI", "csi", "ephemeral"}


def wrong_in_pod(pod):
    """The restricted pod security standard, and a root that is read-only."""
    context = pod.get("securityContext", {})
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(key):
            yield f"{key} is set"
    if context.get("runAsNonRoot") is not True or context.get("runAsUser") != 10001:
        yield "it does not run as uid 10001"
    if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "seccompProfile is not RuntimeDefault"
    if pod.get("automountServiceAccountToken") is not False:
        yield "the token of the service account is mounted"
    for volume in pod.get("volumes", []):
        kind = next(key for key in volume if key != "name")
        if kind not in ALLOWED_VOLUMES:
            yield f"the volume {volume['name']} is a {kind}"
    for container in pod["containers"]:
        yield from wrong_in_container(container)


def wrong_in_container(container):
    context = container.get("securityContext", {})
    if context.get("allowPrivilegeEscalation") is not False or context.get("privileged"):
        yield "privileges can be gained"
    if context.get("capabilities") != {"drop": ["ALL"]}:
        yield "it keeps capabilities"
    if context.get("readOnlyRootFilesystem") is not True:
        yield "its root can be written"
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        if container.get(probe, {}).get("httpGet", {}).get("path") != "/healthz":
            yield f"{probe} does not ask /healthz"
    for variable in container.get("env", []):
        if "secretKeyRef" in variable.get("valueFrom", {}):
            yield f"the secret {variable['name']} is in the environment, and not in a file"
    resources = container.get("resources", {})
    if not {"cpu", "memory"} <= resources.get("requests", {}).keys() or "memory" not in resources.get("limits", {}):
        yield "it does not say what it needs"


def main():
    objects = [found for found in yaml.safe_load_all(sys.stdin) if found]
    kinds = {found["kind"] for found in objects}
    deployment = next(found for found in objects if found["kind"] == "Deployment")
    namespace = next(found for found in objects if found["kind"] == "Namespace")
    wrong = list(wrong_in_pod(deployment["spec"]["template"]["spec"]))
    if namespace["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") != "restricted":
        wrong.append("the namespace does not enforce the restricted standard")
    wanted = {"NetworkPolicy", "ServiceAccount", "Service", "ConfigMap", *sys.argv[1:]}
    if deployment["spec"]["replicas"] > 1:
        wanted.add("PodDisruptionBudget")
    wrong += [f"there is no {kind}" for kind in sorted(wanted - kinds)]
    print("\n".join(wrong), end="\n" if wrong else "")
    sys.exit(bool(wrong))


main()
