// Accessibility, every width, both colour schemes, paper.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { open } from "./open.js";
import { test } from "./suite.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PICTURES = process.env.ENTRAWATCH_SCREENSHOTS;

// Every kind of page, by a name for its picture.
async function everyPage({ base }, page) {
  const { items: credentials } = await (await fetch(`${base}/api/v1/credentials?limit=1000`)).json();
  const { items: mails } = await (await fetch(`${base}/api/v1/notifications`)).json();
  const app = (test) => credentials.find(test).object_id;
  return {
    list: "/",
    filtered: "/?severity=critical,warning&kind=certificate&excluded=true",
    nothing: "/?q=no%20such%20application",
    app: `/apps/contoso/${app((one) => one.severity === "critical" && one.kind === "secret")}`,
    saml: `/apps/contoso/${app((one) => one.kind === "saml_signing" && one.posture === "inactive")}`,
    rotated: `/apps/contoso/${app((one) => one.posture === "rotated")}`,
    hostile: `/apps/contoso/${app((one) => one.app_name.includes("<script>"))}`,
    mails: "/notifications",
    mail: `/notifications/${mails.find((mail) => mail.recipient.startsWith("ops@")).id}`,
    silences: "/silences",
    about: "/about",
    missing: "/no/such/page",
    wrong: "/?state=broken&within=soon",
  };
}

const unfold = (page) => page.evaluate(() => document.querySelectorAll("details").forEach((one) => (one.open = true)));

for (const colorScheme of ["light", "dark"]) {
  for (const width of [1280, 360]) {
    test(`axe finds nothing on any page: ${colorScheme}, ${width} wide`, (world) =>
      open(world, { colorScheme, viewport: { width, height: 900 } }, async (page) => {
        const found = [];
        for (const [name, path] of Object.entries(await everyPage(world, page))) {
          await page.goto(`${world.base}${path}`);
          await unfold(page);
          await page.evaluate(AXE);
          // The frame is the mail, which has tests of its own and runs no script.
          const { violations } = await page.evaluate(() => globalThis.axe.run({ exclude: ["iframe"] }, { iframes: false }));
          for (const { id, impact, nodes } of violations) found.push(`${name}: ${id} (${impact}) at ${nodes.map((node) => node.target).join(", ")}`);
        }
        assert.deepEqual(found, []);
      }));
  }
}

test("no page is wider than the window, from 320 pixels to 4K, all unfolded", (world) =>
  open(world, {}, async (page) => {
    const found = [];
    for (const [name, path] of Object.entries(await everyPage(world, page))) {
      await page.goto(`${world.base}${path}`);
      await unfold(page);
      for (const width of [320, 375, 480, 600, 768, 960, 961, 1024, 1280, 1440, 1920, 2560, 3840]) {
        await page.setViewportSize({ width, height: 900 });
        const over = await page.evaluate(() => {
          const { scrollWidth, clientWidth } = document.scrollingElement;
          if (scrollWidth <= clientWidth) return null;
          const outside = [...document.querySelectorAll("main *")].filter((one) => one.getBoundingClientRect().right > clientWidth + 1);
          return `${scrollWidth} of ${clientWidth}: ${outside.slice(0, 3).map((one) => one.outerHTML.slice(0, 120))}`;
        });
        if (over) found.push(`${name} at ${width}: ${over}`);
      }
    }
    assert.deepEqual(found, []);
  }));

test("text that is twice as large fits too", (world) =>
  open(world, { viewport: { width: 640, height: 900 } }, async (page) => {
    const found = [];
    for (const [name, path] of Object.entries(await everyPage(world, page))) {
      await page.goto(`${world.base}${path}`);
      await page.evaluate(() => document.documentElement.style.setProperty("font-size", "200%"));
      if (await page.evaluate(() => document.scrollingElement.scrollWidth > document.scrollingElement.clientWidth)) found.push(name);
    }
    assert.deepEqual(found, []);
  }));

test("every page prints", (world) =>
  open(world, {}, async (page) => {
    for (const [name, path] of Object.entries(await everyPage(world, page))) {
      await page.goto(`${world.base}${path}`);
      await page.emulateMedia({ media: "print" });
      // The width of a page of A4 within its margins.
      await page.setViewportSize({ width: 718, height: 1047 });
      const { fits, menu, dark } = await page.evaluate(() => ({
        fits: document.scrollingElement.scrollWidth <= document.scrollingElement.clientWidth,
        menu: document.querySelector(".top nav").checkVisibility(),
        dark: getComputedStyle(document.querySelector(".top")).backgroundColor !== "rgba(0, 0, 0, 0)",
      }));
      assert.deepEqual({ fits, menu, dark }, { fits: true, menu: false, dark: false }, name);
      const pdf = await page.pdf({ format: "A4" });
      assert.ok(pdf.length > 5000 && pdf.subarray(0, 5).toString() === "%PDF-", name);
    }
  }));

if (PICTURES) {
  mkdirSync(PICTURES, { recursive: true });
  for (const [look, options] of Object.entries({
    light: { viewport: { width: 1280, height: 900 } },
    dark: { viewport: { width: 1280, height: 900 }, colorScheme: "dark" },
    narrow: { viewport: { width: 360, height: 780 } },
    wide: { viewport: { width: 2560, height: 1440 } },
  })) {
    test(`pictures: ${look}`, (world) =>
      open(world, options, async (page) => {
        for (const [name, path] of Object.entries(await everyPage(world, page))) {
          await page.goto(`${world.base}${path}`);
          await page.screenshot({ path: join(PICTURES, `${name}-${look}.png`), fullPage: look !== "wide" });
        }
      }));
  }
}
