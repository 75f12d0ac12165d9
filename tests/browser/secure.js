// Over TLS, signed in and not.

import assert from "node:assert/strict";

import { PASSWORD } from "./servers.js";
import { open } from "./open.js";
import { test } from "./suite.js";

// A browser that trusts this key and no other of those that no authority signed.
const trusting = async ({ tls, launch }) => ({ base: tls.base, browser: await launch([`--ignore-certificate-errors-spki-list=${tls.pin}`]) });

test("over TLS, signed in, every page is there", async (world) => {
  const secured = await trusting(world);
  await open(secured, { httpCredentials: { username: "reader", password: PASSWORD } }, async (page) => {
    const response = await page.goto(`${secured.base}/`);
    assert.equal(response.status(), 200);
    assert.match((await response.securityDetails()).protocol, /^TLS 1\.[23]$/);
    assert.ok(await page.getByText("may keep a credential from being noticed").isVisible(), "a tenant that cannot be reached is said");
    for (const [link, heading] of [["Mails", "Mails"], ["Silences", "Silences"], ["About", "About this EntraWatch"]]) {
      await page.getByRole("link", { name: link, exact: true }).click();
      assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), heading);
    }
    assert.ok(await page.getByText("http.auth").isVisible());
    assert.ok(!(await page.content()).includes("$2"), "no hash is shown");
  });
});

test("over TLS, not signed in, there is nothing but the request to", async (world) => {
  const secured = await trusting(world);
  for (const httpCredentials of [undefined, { username: "reader", password: "wrong" }]) {
    await open(secured, { httpCredentials }, async (first) => {
      for (const path of ["/", "/about", "/api/v1/credentials"]) {
        const page = await first.context().newPage();
        const response = await page.goto(`${secured.base}${path}`).catch((error) => error);
        if (response instanceof Error) {
          // What Chromium says where it would ask for a password and nobody is there.
          assert.match(response.message, /ERR_INVALID_AUTH_CREDENTIALS/);
        } else {
          assert.equal(response.status(), 401);
          assert.ok(!(await page.content()).includes("contoso"));
        }
      }
      assert.equal((await first.goto(`${secured.base}/healthz`)).status(), 200);
    });
  }
});

test("a certificate that nobody vouches for is refused by the browser", (world) =>
  open({ ...world, base: world.tls.base }, {}, async (page) => {
    await assert.rejects(page.goto(`${world.tls.base}/`), /ERR_CERT_AUTHORITY_INVALID/);
  }));
