// SPDX-License-Identifier: MIT
// Opens the site in headless Chromium and uses it as a person would.
//
//   node site.test.mjs BASE_URL SCREENSHOT_DIRECTORY
//
// One line per check; the last line is "N passed, N failed".

import { DESKTOP, NARROW, PHONE, check, equal, holds, open as openPage, overflow, report, run, screenshot, subject, text, worstContrast } from './harness.mjs';

const [base, shots] = process.argv.slice(2);
if (!base || !shots) {
  console.error('usage: node site.test.mjs BASE_URL SCREENSHOT_DIRECTORY');
  process.exit(2);
}

const PAGES = [
  { name: 'overview', path: '/' },
  { name: 'forms', path: '/forms.html' },
  { name: 'downloads', path: '/downloads.html' },
  { name: 'session', path: '/cgi-bin/session' },
  { name: 'form-get', path: '/cgi-bin/form?text=100+%25+cr%C3%A8me+%26+%3Cb%3E%CE%A9%CE%BC%CE%AD%CE%B3%CE%B1%3C%2Fb%3E&odd=%FF' },
  { name: 'not-found', path: '/no-such-page/at/all', status: 404 },
];

const open = (browser, options) => openPage(browser, { origins: [new URL(base).origin], ...options });
const shot = (page, name) => screenshot(page, shots, name);

async function waitForText(page, selector, part) {
  await page.waitForFunction(([where, what]) => document.querySelector(where)?.textContent.includes(what), [selector, part]);
}

// Every page in every look.
async function looks(browser) {
  for (const scheme of ['light', 'dark']) {
    for (const [size, viewport] of [['desktop', DESKTOP], ['phone', PHONE]]) {
      for (const { name, path, status = 200 } of PAGES) {
        const label = `${name} ${scheme} ${size}`;
        await subject(label, async () => {
          const { context, page, troubles } = await open(browser, { viewport, scheme, expected: status === 200 ? [] : [status] });
          const response = await page.goto(base + path, { waitUntil: 'networkidle' });
          equal(`${label}: status ${status}`, response.status(), status);
          equal(`${label}: one heading of the first level`, await page.locator('h1').count(), 1);
          equal(`${label}: no horizontal overflow`, await overflow(page), 0);
          const ids = await page.locator('[id]').evaluateAll((all) => all.map((e) => e.id));
          equal(`${label}: no identifier twice`, new Set(ids).size, ids.length);
          await shot(page, `${name}-${scheme}-${size}`);
          check(`${label}: no trouble`, troubles.length === 0, troubles);
          await context.close();
        });
      }
    }
  }
  for (const { name, path, status = 200 } of PAGES) {
    await subject(`${name} at 320 px`, async () => {
      const { context, page, troubles } = await open(browser, { viewport: NARROW, expected: status === 200 ? [] : [status] });
      await page.goto(base + path, { waitUntil: 'networkidle' });
      equal(`${name} at 320 px: no horizontal overflow`, await overflow(page), 0);
      check(`${name} at 320 px: no trouble`, troubles.length === 0, troubles);
      await shot(page, `${name}-narrow`);
      await context.close();
    });
  }
}

// The colours really follow the preference, and text stands out from its background.
async function colours(browser) {
  const backgrounds = {};
  for (const scheme of ['light', 'dark']) {
    const { context, page } = await open(browser, { scheme });
    await page.goto(base, { waitUntil: 'networkidle' });
    backgrounds[scheme] = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const worst = await worstContrast(page);
    check(`${scheme}: every text has a contrast of at least 4.5`, worst.ratio >= 4.5, worst);
    await context.close();
  }
  check('light and dark have different backgrounds', backgrounds.light !== backgrounds.dark, backgrounds);
}

async function overview(browser) {
  const { context, page, troubles } = await open(browser, { expected: [404, 405] });
  await page.goto(base, { waitUntil: 'networkidle' });
  await waitForText(page, '#exchange-result', '200 OK');
  holds('overview: the request as the program saw it', await text(page, '#exchange-request'), 'GET /cgi-bin/echo?format=json HTTP/1.1');
  holds('overview: with its Host', await text(page, '#exchange-request'), `Host: ${new URL(base).host}`);
  holds('overview: the response', await text(page, '#exchange-response'), 'HTTP/1.1 200 OK');
  const outcomes = {
    post: ['POST /cgi-bin/echo?format=json HTTP/1.1', 'HTTP/1.1 200 OK'],
    head: ['HEAD /css/style.css HTTP/1.1', 'Content-Length: '],
    options: ['OPTIONS /css/style.css HTTP/1.1', 'Allow: '],
    missing: ['GET /no-such-page HTTP/1.1', 'HTTP/1.1 404 Not Found'],
    refused: ['DELETE /css/style.css HTTP/1.1', 'HTTP/1.1 405 Method Not Allowed'],
  };
  for (const [preset, [request, response]] of Object.entries(outcomes)) {
    await subject(`overview: ${preset}`, async () => {
      await page.click(`[data-preset="${preset}"]`);
      await waitForText(page, '#exchange-request', request);
      await page.waitForFunction(() => !document.querySelector('[aria-busy]'));
      holds(`overview: ${preset}: request`, await text(page, '#exchange-request'), request);
      holds(`overview: ${preset}: response`, await text(page, '#exchange-response'), response);
    });
    if (preset === 'post') {
      holds('overview: post: the body arrived', await text(page, '#exchange-request'), 'word=na%C3%AFve&sign=%26');
      await shot(page, 'overview-post');
    }
    if (preset === 'refused') holds('overview: refused: Allow', await text(page, '#exchange-response'), 'Allow: ');
  }
  check('overview: no trouble', troubles.length === 0, troubles);
  await context.close();
}

const HARD = 'a+b & c=d; 100 %41 "quoted" \'single\' <script>alert(1)</script> Zoë 日本語 🜚';

async function getForm(browser) {
  const { context, page, troubles } = await open(browser);
  await page.goto(`${base}/forms.html`, { waitUntil: 'networkidle' });
  await page.fill('#get-text', HARD);
  await page.selectOption('#get-order', 'oldest first');
  const preview = await text(page, '#get-preview');
  await Promise.all([page.waitForNavigation(), page.click('#get-form button')]);
  const raw = await text(page, '#raw-query');
  equal('GET form: the query as the browser wrote it', raw, new URL(page.url()).search.slice(1));
  holds('GET form: the preview told the same', preview, raw);
  check('GET form: percent-encoded', raw.includes('%E6%97%A5') && raw.includes('%3Cscript%3E') && raw.includes('%2541') && raw.includes('a%2Bb'), raw);
  equal('GET form: decoded', await page.locator('.decoded').first().innerText(), HARD);
  equal('GET form: second field', await page.locator('.decoded').nth(1).innerText(), 'oldest first');
  equal('GET form: octets counted', await page.locator('td.number').first().innerText(), String(Buffer.byteLength(HARD)));
  equal('GET form: nothing of it became an element', await page.locator('script').count(), 0);
  check('GET form: no trouble', troubles.length === 0, troubles);
  await shot(page, 'form-get-answer');
  await context.close();
}

async function postForm(browser) {
  const { context, page, troubles } = await open(browser);
  await page.goto(`${base}/forms.html`, { waitUntil: 'networkidle' });
  await page.fill('#post-name', '"><img src=x onerror=alert(1)>');
  await page.fill('#post-message', `${HARD}\nsecond line`);
  await page.uncheck('#post-copy');
  const preview = await text(page, '#post-preview');
  await Promise.all([page.waitForNavigation(), page.click('#post-form button')]);
  equal('POST form: nothing in the address', new URL(page.url()).search, '');
  const raw = await text(page, '#raw-body');
  check('POST form: the body as sent', raw.startsWith('name=%22%3E%3Cimg') && raw.includes('%0D%0Asecond+line'), raw);
  holds('POST form: the preview told the same body', preview, raw);
  holds('POST form: and the same length', preview, `Content-Length: ${raw.length}`);
  holds('POST form: the length arrived', await text(page, '.message.request pre'), `Content-Length: ${raw.length}`);
  equal('POST form: name decoded', await page.locator('.decoded').first().innerText(), '"><img src=x onerror=alert(1)>');
  equal('POST form: message decoded', await page.locator('.decoded').nth(1).innerText(), `${HARD}\nsecond line`);
  equal('POST form: an unchecked box is not sent', await page.locator('.decoded').count(), 2);
  equal('POST form: nothing of it became an element', await page.locator('main img, script').count(), 0);
  check('POST form: no trouble', troubles.length === 0, troubles);
  await shot(page, 'form-post-answer');
  await context.close();
}

async function session(browser) {
  const { context, page, troubles } = await open(browser);
  await page.goto(`${base}/forms.html`, { waitUntil: 'networkidle' });
  await page.fill('#session-name', 'Zoë <b>"&%41');
  await Promise.all([page.waitForURL('**/cgi-bin/session'), page.click('#session-form button')]);
  equal('session: the name is known', await text(page, '#session-name'), 'Zoë <b>"&%41');
  equal('session: first visit', await text(page, '#session-visits'), '1');
  const [cookie] = await context.cookies(`${base}/cgi-bin/session`);
  check('session: cookie is HttpOnly, Lax and only for the programs', cookie?.httpOnly && cookie.sameSite === 'Lax' && cookie.path === '/cgi-bin/', cookie);
  check('session: the identifier is not in the page', !(await page.content()).includes(cookie?.value), 'shown');
  await page.click('text=Visit again');
  await waitForText(page, '#session-visits', '2');
  await page.reload();
  equal('session: a reload counts, and repeats no form', await text(page, '#session-visits'), '3');
  await shot(page, 'session-known');
  await page.fill('#name', '日本');
  await Promise.all([page.waitForNavigation(), page.click('text=Change the name')]);
  equal('session: another name', await text(page, '#session-name'), '日本');
  equal('session: the counter goes on', await text(page, '#session-visits'), '4');
  await Promise.all([page.waitForNavigation(), page.click('text=Log out')]);
  equal('session: logged out', await text(page, 'h1'), 'No session yet');
  equal('session: the cookie is gone', (await context.cookies(`${base}/cgi-bin/session`)).length, 0);
  await context.addCookies([cookie]);
  await page.reload();
  equal('session: the old identifier is worth nothing', await text(page, 'h1'), 'No session yet');
  await page.fill('#name', 'Again');
  await Promise.all([page.waitForNavigation(), page.click('text=Start the session')]);
  equal('session: a new one counts from the start', await text(page, '#session-visits'), '1');
  const [next] = await context.cookies(`${base}/cgi-bin/session`);
  check('session: and has a new identifier', next && next.value !== cookie.value, next);
  check('session: no trouble', troubles.length === 0, troubles);
  await context.close();
}

async function downloads(browser) {
  const { context, page, troubles } = await open(browser, { expected: [416] });
  await page.goto(`${base}/downloads.html`, { waitUntil: 'networkidle' });
  await waitForText(page, '#range-result', '206');
  const ranges = {
    '0-127': ['Content-Range: bytes 0-127/8192', '00000096 octets   96 to  127'],
    '1024-1151': ['Content-Range: bytes 1024-1151/8192', '00001024 octets 1024 to 1055'],
    '-64': ['Content-Range: bytes 8128-8191/8192', '00008160 octets 8160 to 8191'],
  };
  for (const [range, [field, body]] of Object.entries(ranges)) {
    await subject(`range ${range}`, async () => {
      await page.click(`[data-range="${range}"]`);
      await waitForText(page, '#range-response', field);
      const response = await text(page, '#range-response');
      holds(`range ${range}: 206`, response, 'HTTP/1.1 206 Partial Content');
      holds(`range ${range}: its octets`, response, body);
      holds(`range ${range}: asked for`, await text(page, '#range-request'), `Range: bytes=${range}`);
    });
  }
  await page.fill('#range-first', '64');
  await page.fill('#range-last', '95');
  await page.press('#range-last', 'Enter');
  await waitForText(page, '#range-response', 'bytes 64-95/8192');
  holds('range by hand: its octets', await text(page, '#range-response'), '00000064 octets   64 to   95');
  await page.click('#range-pieces');
  await waitForText(page, '#range-result', '4 answers');
  equal('range: four pieces make the file', await text(page, '#range-result'), '4 answers 206, 8192 octets in all, the same as the file in one piece');
  await shot(page, 'downloads-pieces');
  await page.click('[data-range="8192-"]');
  await waitForText(page, '#range-result', '416');
  holds('range beyond the end: the length is told', await text(page, '#range-response'), 'Content-Range: bytes */8192');
  for (const condition of ['If-None-Match', 'If-Modified-Since']) {
    await page.click(`[data-condition="${condition}"]`);
    await waitForText(page, '#conditional-request', `${condition}: `);
    await page.waitForFunction(() => !document.querySelector('[aria-busy]'));
    holds(`${condition}: 304`, await text(page, '#conditional-response'), 'HTTP/1.1 304 Not Modified');
    equal(`${condition}: no body`, await text(page, '#conditional-result'), '304 Not Modified: no body');
  }
  await page.click('[data-condition="none"]');
  await waitForText(page, '#conditional-result', '200 OK');
  equal('without a condition: the whole file', await text(page, '#conditional-result'), '200 OK: a body of 8192 octets');
  for (const [file, size] of [['ranges.txt', 8192], ['pattern.svg', 50000]]) {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(`a[download][href$="${file}"]`)]);
    let octets = 0;
    for await (const part of await download.createReadStream()) octets += part.length;
    check(`download of ${file}`, download.suggestedFilename() === file && (size === 8192 ? octets === size : octets > size), octets);
  }
  check('downloads: no trouble', troubles.filter((line) => !line.includes('ERR_ABORTED')).length === 0, troubles);
  await context.close();
}

const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim());

async function tabTo(page, id, most = 60) {
  for (let i = 0; i < most; i += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate((wanted) => document.activeElement.id === wanted, id)) return true;
  }
  return false;
}

async function keyboard(browser) {
  const { context, page, troubles } = await open(browser);
  await page.goto(`${base}/forms.html`, { waitUntil: 'networkidle' });
  await page.keyboard.press('Tab');
  equal('keyboard: the skip link comes first', await focused(page), 'Skip to the content');
  check('keyboard: and is seen', (await page.locator('.skip').boundingBox()).y >= 0, 'out of sight');
  await page.keyboard.press('Enter');
  equal('keyboard: it leads to the content', await focused(page), 'main');
  check('keyboard: Tab reaches the GET form', await tabTo(page, 'get-text'));
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  equal('keyboard: the focus is visible', outline, 'solid');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('by keyboard');
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  equal('keyboard: Enter sends the GET form', await page.locator('.decoded').first().innerText(), 'by keyboard');
  await page.goto(`${base}/forms.html`, { waitUntil: 'networkidle' });
  check('keyboard: Tab reaches the POST form', await tabTo(page, 'post-name'));
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  equal('keyboard: Enter sends the POST form', await page.locator('.decoded').first().innerText(), 'Zoë O’Neill');
  await page.goto(`${base}/forms.html`, { waitUntil: 'networkidle' });
  check('keyboard: Tab reaches the session form', await tabTo(page, 'session-name'));
  await page.keyboard.type('Keys');
  await Promise.all([page.waitForURL('**/cgi-bin/session'), page.keyboard.press('Enter')]);
  equal('keyboard: Enter starts the session', await text(page, '#session-name'), 'Keys');
  check('keyboard: no trouble', troubles.length === 0, troubles);
  await context.close();
}

async function withoutScript(browser) {
  const { context, page, troubles } = await open(browser, { script: false });
  await page.goto(base, { waitUntil: 'networkidle' });
  check('no script: the overview says so and links to the echo program', await page.locator('[data-without-script] a[href="/cgi-bin/echo"]').isVisible());
  check('no script: no dead buttons', !(await page.locator('[data-preset]').first().isVisible()));
  await shot(page, 'overview-no-script');
  await page.click('[data-without-script] a');
  holds('no script: the echo program answers', await text(page, 'body'), 'GET /cgi-bin/echo HTTP/1.1');
  await page.goto(`${base}/forms.html`);
  await page.fill('#post-name', 'plain');
  await Promise.all([page.waitForNavigation(), page.click('#post-form button')]);
  equal('no script: the POST form works', await page.locator('.decoded').first().innerText(), 'plain');
  await page.goto(`${base}/downloads.html`);
  equal('no script: no dead buttons among the downloads', await page.locator('main button:visible').count(), 0);
  check('no script: no trouble', troubles.length === 0, troubles);
  await context.close();
}

// Every link of the site leads somewhere.
async function links(browser) {
  const { context, page } = await open(browser, { expected: [404] });
  const found = new Set();
  for (const { path } of PAGES) {
    await page.goto(base + path);
    for (const target of await page.locator('[href], [src]').evaluateAll((all) => all.map((e) => e.href || e.src))) found.add(target.split('#')[0]);
  }
  const dead = [];
  for (const target of found) {
    const { status } = await fetch(target, { redirect: 'manual' });
    if (status >= 400 && !target.includes('/no-such-page')) dead.push(`${status} ${target}`);
  }
  check(`all ${found.size} links lead somewhere`, dead.length === 0, dead);
  await context.close();
}

const good = await run({ looks, colours, overview, getForm, postForm, session, downloads, keyboard, withoutScript, links }, shots);
report();
process.exit(good ? 0 : 1);
