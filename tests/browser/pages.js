// An application, a mail, the other pages, and pages that there are not.

import assert from "node:assert/strict";

import { open } from "./open.js";
import { test } from "./suite.js";

test("an application is opened from the list and says what to do", (world) =>
  open(world, {}, async (page) => {
    await page.goto(`${world.base}/?severity=critical&kind=secret`);
    const name = await page.locator("table.list .name").first().innerText();
    await page.locator("table.list tbody th a").first().click();
    assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), name);
    const one = page.locator("section.one").first();
    assert.ok((await one.locator("ol > li").count()) >= 3, "the steps stand open");
    assert.ok(await one.locator("ol > li").first().isVisible());
    assert.match(await one.locator("a.action").first().getAttribute("href"), /^https:\/\/entra\.microsoft\.com\//);
    assert.ok(await one.getByText("Decided now").isVisible());
    assert.match(await one.locator("pre").last().innerText(), /^entrawatch silence add .*--credential/);
  }));

test("an application leads to the mail that was sent about it, and back", (world) =>
  open(world, {}, async (page) => {
    await page.goto(`${world.base}/?q=Travel%20Booking%20Bot`);
    await page.locator("table.list tbody th a").first().click();
    await page.getByRole("link", { name: "the mail" }).first().click();
    assert.match(page.url(), /\/notifications\/[0-9a-f-]{36}$/);
    await page.getByRole("link", { name: "Travel Booking Bot" }).first().click();
    assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), "Travel Booking Bot");
  }));

test("a mail is found, opened, and shown as its reader sees it", (world) =>
  open(world, {}, async (page) => {
    await page.goto(`${world.base}/`);
    await page.getByRole("link", { name: "Mails", exact: true }).click();
    const all = await page.locator("table.mails tbody tr").count();
    await page.getByLabel("Search").fill("ops@contoso");
    await page.getByRole("combobox", { name: "State" }).selectOption("Accepted");
    await page.getByRole("button", { name: "Apply" }).click();
    assert.match(page.url(), /state=sent/);
    const found = await page.locator('table.mails [data-label="Recipient"]').allInnerTexts();
    assert.ok(found.length > 0 && found.length < all && found.every((text) => text.includes("ops@contoso")), `${found}`);
    await page.getByRole("combobox", { name: "State" }).selectOption("Given up");
    await page.getByRole("button", { name: "Apply" }).click();
    assert.ok(await page.getByText("No mail matches.").isVisible());
    await page.goBack();
    await page.locator("table.mails tbody th a").first().click();
    assert.ok(await page.getByText("written to").isVisible(), "the last answer");
    const frame = page.locator("iframe");
    assert.equal(await frame.getAttribute("sandbox"), "");
    assert.ok((await page.frameLocator("iframe").locator("body").innerText()).includes("DocuSign SSO"));
    await page.getByText("As plain text").click();
    assert.ok((await page.locator("pre.text").innerText()).includes("DocuSign SSO"));
  }));

test("nothing that a name holds runs or looks like ours", (world) =>
  open(world, {}, async (page) => {
    await page.goto(`${world.base}/?q=script`);
    assert.ok((await page.locator("table.list .name").allInnerTexts()).some((name) => name.includes("<script>")));
    assert.equal(await page.locator("script, table.list img").count(), 0);
    await page.locator("table.list tbody th a").first().click();
    assert.ok((await page.getByRole("heading", { level: 1 }).innerText()).includes("<script>"));
    assert.equal(await page.locator("script").count(), 0);
  }));

test("about says what is in force and what it may do, without secrets", (world) =>
  open(world, {}, async (page) => {
    await page.goto(`${world.base}/about`);
    for (const text of ["Application.Read.All", "Permissions held", "Signs in as", "rotation_lead"]) {
      assert.ok(await page.getByText(text).first().isVisible(), text);
    }
    assert.ok(await page.getByRole("link", { name: "/metrics" }).isVisible());
  }));

test("a page that there is not leads to those that there are", (world) =>
  open(world, {}, async (page) => {
    for (const [path, status] of [["/nothing", 404], ["/apps/contoso/none", 404], ["/notifications/none", 404], ["/?state=broken", 400]]) {
      const response = await page.goto(`${world.base}${path}`);
      assert.equal(response.status(), status, path);
      await page.getByRole("link", { name: "all credentials" }).click();
      assert.equal(page.url(), `${world.base}/`);
    }
  }));

test("the back button shows the list as it was", (world) =>
  open(world, {}, async (page) => {
    await page.goto(`${world.base}/?severity=warning&sort=name`);
    const before = await page.locator("table.list .name").allInnerTexts();
    await page.locator("table.list tbody th a").first().click();
    await page.goBack();
    assert.deepEqual(await page.locator("table.list .name").allInnerTexts(), before);
    assert.equal(await page.getByRole("combobox", { name: "Severity" }).inputValue(), "warning");
  }));
