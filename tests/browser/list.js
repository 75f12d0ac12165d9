// The list of credentials: filter, sort, page, share.

import assert from "node:assert/strict";

import { column, open, total } from "./open.js";
import { test } from "./suite.js";

const apply = (page) => page.getByRole("search").getByRole("button", { name: "Apply" }).click();

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? "" : ", without JavaScript";

  test(`the list is filtered by each filter${how}`, (world) =>
    open(world, { javaScriptEnabled }, async (page) => {
      await page.goto(`${world.base}/`);
      const all = await total(page);
      const critical = Number(await page.locator(".tile.critical b").innerText());
      await page.getByRole("combobox", { name: "Severity" }).selectOption("Critical");
      await apply(page);
      assert.match(page.url(), /[?&]severity=critical\b/);
      assert.equal(await total(page), critical);
      assert.ok((await column(page, "State")).every((text) => text.includes("Critical")));
      for (const [label, option, says] of [
        ["State", "Expired", "Expired"],
        ["Replaced", "Yes, by a newer one", "Replaced"],
      ]) {
        await page.goto(`${world.base}/`);
        await page.getByRole("combobox", { name: label }).selectOption(option);
        await apply(page);
        const states = await column(page, "State");
        assert.ok(states.length > 0 && states.length < all && states.every((text) => text.includes(says)), `${label}: ${states}`);
      }
      await page.goto(`${world.base}/`);
      await page.getByRole("combobox", { name: "Kind" }).selectOption("SAML signing certificate");
      await page.getByRole("combobox", { name: "Ends within" }).selectOption("90 days");
      await apply(page);
      const kinds = await column(page, "Credential");
      assert.ok(kinds.length > 0 && kinds.every((text) => text.startsWith("SAML signing certificate")), `${kinds}`);
      assert.ok((await column(page, "Ends")).every((text) => text.startsWith("in ")));
      await page.getByRole("link", { name: "Clear" }).click();
      assert.equal(await total(page), all);
      await page.getByLabel("Show what is left out").check();
      await apply(page);
      assert.ok((await total(page)) > all);
    }));

  test(`a text finds an application, and what is nowhere finds nothing${how}`, (world) =>
    open(world, { javaScriptEnabled }, async (page) => {
      await page.goto(`${world.base}/`);
      await page.getByLabel("Search").fill("DOCUSIGN");
      await page.getByLabel("Search").press("Enter");
      assert.ok((await column(page, "Application")).every((text) => text.includes("DocuSign")));
      await page.getByLabel("Search").fill("no such application");
      await apply(page);
      assert.equal(await page.locator("table.list").count(), 0);
      await page.getByRole("link", { name: "Show all" }).click();
      assert.ok((await total(page)) > 20);
    }));
}

test("the list is sorted by the heads of its columns", (world) =>
  open(world, {}, async (page) => {
    await page.goto(`${world.base}/`);
    await page.getByRole("columnheader", { name: "Ends" }).getByRole("link").click();
    const ends = await page.locator("table.list .ends").evaluateAll((cells) => cells.map((cell) => cell.querySelector("time")?.dateTime ?? "9999"));
    assert.ok(ends.length > 20);
    assert.deepEqual(ends, [...ends].sort());
    await page.getByRole("columnheader", { name: "Application" }).getByRole("link").click();
    assert.equal(await page.locator("table.list thead [aria-sort=ascending]").innerText(), "Application");
    const names = (await page.locator("table.list .name").allInnerTexts()).map((name) => name.toLowerCase());
    const ascii = names.filter((name) => /^[a-z ]+$/.test(name));
    assert.deepEqual(ascii, [...ascii].sort());
    await page.getByRole("combobox", { name: "Order" }).selectOption("Most urgent");
    await apply(page);
    assert.match((await column(page, "State"))[0], /Critical/);
  }));

test("every row is on one page, forwards and back, and the address can be shared", (world) =>
  open(world, {}, async (page) => {
    await page.goto(`${world.base}/?limit=15&sort=ends`);
    const all = await total(page);
    const seen = [];
    for (;;) {
      seen.push(...(await page.locator("table.list tbody code").allInnerTexts()));
      const next = page.getByRole("link", { name: "Next page" });
      if ((await next.count()) === 0) break;
      await next.click();
    }
    assert.equal(seen.length, all);
    assert.equal(new Set(seen).size, all);
    await page.getByRole("link", { name: "Previous page" }).click();
    const here = await page.locator("table.list tbody code").allInnerTexts();
    const other = await page.context().newPage();
    await other.goto(page.url());
    assert.deepEqual(await other.locator("table.list tbody code").allInnerTexts(), here);
    await other.getByRole("link", { name: "First page" }).click();
    assert.deepEqual(await other.locator("table.list tbody code").allInnerTexts(), seen.slice(0, 15));
  }));

test("the chart says the same as its table", (world) =>
  open(world, {}, async (page) => {
    await page.goto(`${world.base}/`);
    const bars = await page.locator(".chart svg title").allTextContents();
    await page.locator(".chart summary").click();
    const rows = await page.locator(".chart tbody tr").evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));
    assert.equal(bars.length, 26);
    assert.deepEqual(bars, rows.map(([week, number, last]) => `Week of ${week}: ${number}, of them ${last} the last of their application`));
    const heights = await page.locator(".chart rect.all").evaluateAll((bars) => bars.map((bar) => Number(bar.getAttribute("height"))));
    const numbers = rows.map((row) => Number(row[1]));
    assert.equal(numbers.indexOf(Math.max(...numbers)), heights.indexOf(Math.max(...heights)));
    assert.ok(heights.every((height, index) => height > 0 === numbers[index] > 0));
  }));
