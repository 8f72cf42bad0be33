// SPDX-License-Identifier: MIT
// What the browser tests share: counted checks, and pages that note everything which goes wrong.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

export const PATIENCE = 10000;
export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 375, height: 740 };
export const NARROW = { width: 320, height: 640 };

let passed = 0;
let failed = 0;

export function check(name, good, found) {
  if (good) {
    passed += 1;
    console.log(`ok     ${name}`);
  } else {
    failed += 1;
    console.log(`FAILED ${name}${found === undefined ? '' : `\n       found: ${JSON.stringify(found)}`}`);
  }
}

export const equal = (name, found, wanted) => check(name, found === wanted, found);
export const holds = (name, found, part) => check(name, String(found).includes(part), found);

// Runs the checks of one subject; an exception is one failed check and ends only that subject.
export async function subject(name, work) {
  try {
    await work();
  } catch (error) {
    check(name, false, String(error.message).split('\n')[0]);
  }
}

const LANES = 2;

// Runs the subjects, {name: function of a browser}, and returns whether all checks passed. Two of them go on at a
// time, since much of their time is waiting. CHROMIUM names another browser; `hosts` are names of this machine.
export async function run(subjects, shots, hosts = '*.localhost') {
  await mkdir(shots, { recursive: true });
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
      '--autoplay-policy=no-user-gesture-required', `--host-resolver-rules=MAP ${hosts} 127.0.0.1`],
  });
  const left = Object.entries(subjects);
  const lane = async () => {
    while (left.length > 0) {
      const [name, work] = left.shift();
      await subject(name, () => work(browser));
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  await browser.close();
  return failed === 0;
}

export const report = () => console.log(`${passed} passed, ${failed} failed`);

// A page in a context of its own that notes everything which goes wrong.
// `origins` are those it may ask; `expected` holds the statuses of 400 and above that a check provokes on purpose.
export async function open(browser, { origins, viewport = DESKTOP, scheme = 'light', script = true, expected = [] }) {
  const context = await browser.newContext({ viewport, colorScheme: scheme, javaScriptEnabled: script, reducedMotion: 'reduce' });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const troubles = [];
  page.on('console', (message) => {
    const status = /status of (\d{3})/.exec(message.text())?.[1];
    if (expected.includes(Number(status))) return;
    if (message.type() === 'error' || message.type() === 'warning') troubles.push(`console: ${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => troubles.push(`page error: ${error.message}`));
  page.on('dialog', (dialog) => {
    troubles.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on('requestfailed', (request) => troubles.push(`request failed: ${request.url()} ${request.failure()?.errorText}`));
  page.on('response', (response) => {
    if (response.status() >= 400 && !expected.includes(response.status())) troubles.push(`status ${response.status()}: ${response.url()}`);
  });
  page.on('request', (request) => {
    if (!origins.includes(new URL(request.url()).origin)) troubles.push(`another host: ${request.url()}`);
  });
  return { context, page, troubles };
}

export const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
export const text = (page, selector) => page.locator(selector).innerText();
export const screenshot = (page, shots, name) => page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });

// The text of the page that stands out least from its background.
export const worstContrast = (page) => page.evaluate(() => {
  const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = numbers(colour).map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  // Where nothing has a background there is the canvas, which follows the colour scheme.
  const probe = document.documentElement.appendChild(document.createElement('div'));
  probe.style.backgroundColor = 'Canvas';
  const canvas = getComputedStyle(probe).backgroundColor;
  probe.remove();
  const background = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (numbers(colour)[3] !== 0) return colour;
    }
    return canvas;
  };
  let least = { ratio: 21 };
  for (const element of document.querySelectorAll('body, body *')) {
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) || element.closest('svg, [hidden]')) continue;
    const pair = [luminance(getComputedStyle(element).color), luminance(background(element))].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (ratio < least.ratio) least = { ratio, text: element.textContent.trim().slice(0, 40) };
  }
  return least;
});
