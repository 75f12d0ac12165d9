"""Signs in to a token endpoint with Microsoft's own libraries, by secret and by certificate.

Reads a JSON object: authority, tenant, client, secret, scope, ca (a path), certificate (a path to a PEM file with key and
certificate). Prints a JSON object with what each library got: {"token": …} or {"error": …}.
"""

import json
import sys

import msal
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CertificateCredential, ClientSecretCredential


def by_msal(given, credential):
    app = msal.ConfidentialClientApplication(
        given["client"],
        authority=f"{given['authority']}/{given['tenant']}",
        client_credential=credential,
        instance_discovery=False,
        verify=given["ca"],
    )
    answer = app.acquire_token_for_client([given["scope"]])
    if "access_token" in answer:
        return {"token": answer["access_token"]}
    return {"error": answer.get("error_description", str(answer))}


def by_azure(given, credential):
    try:
        return {"token": credential.get_token(given["scope"]).token}
    except ClientAuthenticationError as error:
        return {"error": str(error)}


def main():
    given = json.load(sys.stdin)
    with open(given["certificate"], encoding="ascii") as file:
        pem = file.read()
    end = "-----END PRIVATE KEY-----\n"
    private, public = pem.split(end)
    common = {
        "authority": given["authority"],
        "disable_instance_discovery": True,
        "connection_verify": given["ca"],
        "retry_total": 0,
    }
    certificate = {"private_key": private + end, "public_certificate": public, "thumbprint": given["thumbprint"]}
    modern = {"private_key": private + end, "public_certificate": public}
    secret = ClientSecretCredential(given["tenant"], given["client"], given["secret"], **common)
    wrong = ClientSecretCredential(given["tenant"], given["client"], "wrong", **common)
    signed = CertificateCredential(given["tenant"], given["client"], given["certificate"], **common)
    json.dump(
        {
            "msal by secret": by_msal(given, given["secret"]),
            "msal by a wrong secret": by_msal(given, "wrong"),
            "msal by certificate, SHA-256": by_msal(given, modern),
            "msal by certificate, SHA-1": by_msal(given, certificate),
            "azure-identity by secret": by_azure(given, secret),
            "azure-identity by a wrong secret": by_azure(given, wrong),
            "azure-identity by certificate": by_azure(given, signed),
        },
        sys.stdout,
    )


main()
