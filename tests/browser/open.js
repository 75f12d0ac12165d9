// A page that complains: about anything that runs, fails or leaves this machine.

import assert from "node:assert/strict";

export async function open({ browser, base }, options = {}, visit) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const wrong = [];
  context.on("page", (page) => {
    page.on("dialog", (dialog) => {
      wrong.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("console", (message) => {
      // That a page which is not there is not there is no fault.
      if (message.type() === "error" && !/status of 40[0145]/.test(message.text())) wrong.push(`the console: ${message.text()}`);
    });
    page.on("pageerror", (error) => wrong.push(`a script: ${error}`));
    page.on("request", (request) => {
      if (!request.url().startsWith(base) && !request.url().startsWith("data:")) wrong.push(`a request to ${request.url()}`);
    });
  });
  try {
    const page = await context.newPage();
    await visit(page);
    assert.deepEqual(await context.cookies(), []);
    assert.deepEqual(wrong, []);
  } finally {
    await context.close();
  }
}

// The text of each cell in a column of the list.
export function column(page, label) {
  return page.locator(`table.list tbody [data-label="${label}"]`).allInnerTexts();
}

// How many rows the list says it has.
export async function total(page) {
  const text = await page.locator(".credentials .range").innerText();
  return Number(/of ([\d,]+) credential/.exec(text)?.[1].replaceAll(",", "") ?? 0);
}
