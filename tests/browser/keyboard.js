// Nothing but the keyboard.

import assert from "node:assert/strict";

import { open, total } from "./open.js";
import { test } from "./suite.js";

// What has the focus, and whether it is seen to have it.
const focus = (page) =>
  page.evaluate(() => {
    const here = document.activeElement;
    const box = here.getBoundingClientRect();
    const { outlineStyle, outlineWidth } = getComputedStyle(here);
    return {
      name: (here.getAttribute("aria-label") ?? here.textContent).trim(),
      tag: here.localName,
      parameter: here.getAttribute("name"),
      seen: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 && box.width > 0 && box.height > 0 && box.left >= 0,
    };
  });

async function tabTo(page, wanted, most = 200) {
  for (let step = 0; step < most; step += 1) {
    await page.keyboard.press("Tab");
    const here = await focus(page);
    if (here.tag !== "body" && here.tag !== "iframe") assert.ok(here.seen, `${here.tag} "${here.name}" has the focus and does not show it`);
    if (wanted(here)) return here;
  }
  throw new Error("the focus never came there");
}

test("with the keyboard alone the list is filtered and an application opened", (world) =>
  open(world, {}, async (page) => {
    await page.goto(`${world.base}/`);
    const first = await tabTo(page, () => true);
    assert.equal(first.name, "Skip to content");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "main");
    await tabTo(page, (here) => here.parameter === "severity");
    await page.keyboard.press("w");
    await page.keyboard.press("Tab");
    await tabTo(page, (here) => here.name === "Apply");
    await page.keyboard.press("Enter");
    await page.waitForURL(/severity=warning/);
    assert.ok((await total(page)) > 0);
    const name = await page.locator("table.list .name").first().innerText();
    await tabTo(page, (here) => here.tag === "a" && here.name === name);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/apps\//);
    assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), name);
  }));

test("with the keyboard alone a mail is opened and its text unfolded", (world) =>
  open(world, {}, async (page) => {
    await page.goto(`${world.base}/notifications`);
    const subject = await page.locator("table.mails tbody th a").first().innerText();
    await tabTo(page, (here) => here.name === subject);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/notifications\/[0-9a-f]/);
    await tabTo(page, (here) => here.name === "As plain text");
    await page.keyboard.press("Enter");
    assert.ok(await page.locator("pre.text").isVisible());
  }));

test("the focus goes through each page in order and out again", (world) =>
  open(world, {}, async (page) => {
    for (const path of ["/?limit=10", "/about", "/silences"]) {
      await page.goto(`${world.base}${path}`);
      const places = [];
      await tabTo(page, () => true);
      for (let step = 0; step < 300; step += 1) {
        const here = await page.evaluate(() => {
          const all = [...document.querySelectorAll("a, button, input, select, summary, [tabindex]")];
          return document.activeElement === document.body ? -1 : all.indexOf(document.activeElement);
        });
        if (here < 0 || here === places[0]) break;
        places.push(here);
        await page.keyboard.press("Tab");
      }
      assert.ok(places.length > 5 && places.length < 300, `${path}: ${places.length}`);
      assert.deepEqual(places, [...places].sort((a, b) => a - b), path);
    }
  }));
