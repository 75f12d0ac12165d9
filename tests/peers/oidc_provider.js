// An OIDC provider that knows one client, by its certificate, and issues tokens for what it signs.
//
// Reads a JSON object on one line: tenant, client, scope, certificate (PEM). Prints {"port": …} once it listens on 127.0.0.1, and ends
// with its standard input.

import { createHash, X509Certificate } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";

import Provider from "oidc-provider";

const input = createInterface({ input: process.stdin });
const given = JSON.parse(await new Promise((resolve) => input.once("line", resolve)));
input.once("close", () => process.exit(0));

const certificate = new X509Certificate(given.certificate);
const key = {
  ...certificate.publicKey.export({ format: "jwk" }),
  use: "sig",
  alg: "PS256",
  "x5t#S256": createHash("sha256").update(certificate.raw).digest("base64url"),
};

const server = createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address();

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: given.client,
      grant_types: ["client_credentials"],
      response_types: [],
      redirect_uris: [],
      scope: given.scope,
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_signing_alg: "PS256",
      jwks: { keys: [key] },
    },
  ],
  scopes: [given.scope],
  clientAuthMethods: ["private_key_jwt"],
  enabledJWA: { clientAuthSigningAlgValues: ["PS256"] },
  features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
  routes: { token: `/${given.tenant}/oauth2/v2.0/token` },
});
provider.on("grant.error", (_, error) => console.error(error.error_detail ?? error.message));
server.on("request", provider.callback());
console.log(JSON.stringify({ port }));
