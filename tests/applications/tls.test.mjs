// SPDX-License-Identifier: MIT
// Visits sites at https in headless Chromium: what it believes, what it refuses, and where it is led.
//
//   node tls.test.mjs HTTPS_PORT HTTP_PORT SCREENSHOT_DIRECTORY
//
// One line per check; the last line is "N passed, N failed".

import { check, equal, holds, open, report, run, subject } from './harness.mjs';

const [secure, plain, shots] = process.argv.slice(2);
if (!secure || !plain || !shots) {
  console.error('usage: node tls.test.mjs HTTPS_PORT HTTP_PORT SCREENSHOT_DIRECTORY');
  process.exit(2);
}

const https = (name) => `https://${name}.test:${secure}`;
const http = (name, port = plain) => `http://${name}.test:${port}`;

// The error that the browser shows instead of the page; empty: it shows the page.
async function refusal(page, url) {
  try {
    await page.goto(url);
    return '';
  } catch (error) {
    return /net::(\w+)/.exec(error.message)?.[1] ?? error.message;
  }
}

async function believes(browser) {
  for (const name of ['good', 'rsa', 'any.wild', 'chain', 'guests']) {
    await subject(`${name}.test`, async () => {
      const { context, page, troubles } = await open(browser, { origins: [https(name)] });
      const response = await page.goto(`${https(name)}/`);
      equal(`${name}.test: it answers`, response.status(), 200);
      equal(`${name}.test: the page is shown`, await page.locator('h1').innerText(), 'Encrypted');
      check(`${name}.test: the page is a secure context`, await page.evaluate(() => window.isSecureContext));
      holds(`${name}.test: the version`, (await response.securityDetails()).protocol, 'TLS 1.3');
      equal(`${name}.test: the picture on it is loaded`, await page.evaluate(() => document.images[0].naturalWidth), 1);
      equal(`${name}.test: its script may ask`, await page.evaluate(async () => (await fetch('/a.txt')).text()), 'the file a');
      check(`${name}.test: no trouble`, troubles.length === 0, troubles);
      await context.close();
    });
  }
}

async function refuses(browser) {
  const wanted = {
    old: 'ERR_CERT_DATE_INVALID', early: 'ERR_CERT_DATE_INVALID', wrong: 'ERR_CERT_COMMON_NAME_INVALID',
    unknown: 'ERR_CERT_AUTHORITY_INVALID', members: 'ERR_BAD_SSL_CLIENT_AUTH_CERT',
  };
  for (const [name, error] of Object.entries(wanted)) {
    await subject(`${name}.test`, async () => {
      const context = await browser.newContext();
      equal(`${name}.test: it is refused`, await refusal(await context.newPage(), `${https(name)}/`), error);
      await context.close();
    });
  }
}

async function isLed(browser) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const response = await page.goto(`${http('good')}/page.html?a=b%20c#there`);
  equal('redirect: it leads to the same page', page.url(), `${https('good')}/page.html?a=b%20c#there`);
  equal('redirect: which answers', response.status(), 200);
  await page.goto(`${http('strict', secure)}/`);
  holds('plain HTTP at the port of https: the page says so', await page.locator('body').innerText(), 'HTTPS');
  await page.goto(`${https('strict')}/`);
  const again = await page.goto(`${http('strict', secure)}/`);
  equal('HSTS: the browser goes to https by itself', page.url(), `${https('strict')}/`);
  equal('HSTS: which answers', again.status(), 200);
  await context.close();
}

async function posts(browser) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${http('open')}/form.html`);
  await Promise.all([page.waitForURL(`${https('good')}/cgi-bin/echo`), page.locator('button').click()]);
  equal('redirect: a form is sent again as it was', await page.locator('body').innerText(), 'word=hello');
  await context.close();
}

const good = await run({ believes, refuses, isLed, posts }, shots, '*.test');
report();
process.exit(good ? 0 : 1);
