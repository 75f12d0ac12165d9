// What the browser looks at: the demo, and a daemon with TLS and sign-in.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../../target/debug/entrawatch", import.meta.url));
export const PASSWORD = "correct horse";
const HASH = "$2b$05$tIYNVg7JJpA8y1rnfZWJguWBAUaTp0lNkkHjwjoiM0MMYEvXN8mV.";

const children = [];
const folders = [];

export function stopServers() {
  for (const child of children) child.kill("SIGTERM");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}

function folder() {
  const path = mkdtempSync(join(tmpdir(), "entrawatch-browser-"));
  folders.push(path);
  return path;
}

async function until(what, within, look) {
  const deadline = Date.now() + within;
  for (;;) {
    const found = await look().catch(() => undefined);
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`${what} did not happen within ${within} ms`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

// The demo, once its first mails have left.
export async function demo() {
  let said = "";
  const child = spawn(PROGRAM, ["demo", "--listen", "127.0.0.1:0", "--dir", folder()], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  child.stdout.on("data", (text) => (said += text));
  const base = await until("the start of the demo", 30_000, async () => /Page +(http:\S+)\/\n/.exec(said)?.[1]);
  await until("the first mail", 30_000, async () => (await (await fetch(`${base}/api/v1/notifications?state=sent`)).json()).items.length > 2);
  return base;
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

// A daemon over TLS that asks who is there. Its tenant cannot be reached, which its page says. `key` is what a browser may trust it by.
export async function secured() {
  const directory = folder();
  const [cert, key] = [join(directory, "cert.pem"), join(directory, "key.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-days", "2", "-nodes"];
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", key, "-out", cert, ...subject], { stdio: "ignore" });
  const port = await freePort();
  const closed = await freePort();
  writeFileSync(
    join(directory, "entrawatch.toml"),
    `[[tenant]]
name = "contoso"
tenant_id = "11111111-2222-3333-4444-555555555555"
client_id = "66666666-7777-8888-9999-000000000000"
auth = { kind = "secret", secret = "none" }
login_url = "http://127.0.0.1:${closed}"
graph_url = "http://127.0.0.1:${closed}"
[http]
listen = "127.0.0.1:${port}"
tls = { cert_file = "cert.pem", key_file = "key.pem" }
auth = { basic = { reader = "${HASH}" } }
`,
  );
  children.push(spawn(PROGRAM, ["run", "--config", join(directory, "entrawatch.toml")], { stdio: "ignore" }));
  const der = execFileSync("openssl", ["x509", "-in", cert, "-pubkey", "-noout"]).toString().replace(/-----[^-]+-----|\s/g, "");
  const pin = createHash("sha256").update(Buffer.from(der, "base64")).digest("base64");
  const check = () => execFileSync(PROGRAM, ["healthcheck", "--config", join(directory, "entrawatch.toml")], { stdio: "ignore" });
  await until("the start of the daemon", 30_000, async () => check() ?? true);
  return { base: `https://localhost:${port}`, pin, certificate: readFileSync(cert) };
}
