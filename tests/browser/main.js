// Starts everything, runs every test, stops everything.

import { chromium } from "playwright-core";

import "./list.js";
import "./pages.js";
import "./keyboard.js";
import "./looks.js";
import "./secure.js";
import { demo, secured, stopServers } from "./servers.js";
import { runAll } from "./suite.js";

let good = false;
const browsers = [];
try {
  const [base, tls] = await Promise.all([demo(), secured()]);
  const launch = async (args = []) => {
    const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", ...args] });
    browsers.push(browser);
    return browser;
  };
  const browser = await launch();
  good = await runAll({ base, tls, launch, browser });
} finally {
  await Promise.all(browsers.map((browser) => browser.close()));
  stopServers();
}
process.exitCode = good ? 0 : 1;
