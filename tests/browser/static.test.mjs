// SPDX-License-Identifier: MIT
// Static sites in headless Chromium: listings, error pages, an application with a router, media that are
// sought in, and other origins.
//
//   node static.test.mjs UVHTTPD_BINARY SCREENSHOT_DIRECTORY
//
// One line per check; the last line is "N passed, N failed".

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DESKTOP, NARROW, PATIENCE, PHONE, check, equal, holds, open as openPage, overflow, report, run, screenshot, subject, text, worstContrast } from './harness.mjs';
import { DEEP, DIRECTORIES, FILES, SECONDS, byName, serveSites, toneAt } from './static_site.mjs';

const [binary, shots] = process.argv.slice(2);
if (!binary || !shots) {
  console.error('usage: node static.test.mjs UVHTTPD_BINARY SCREENSHOT_DIRECTORY');
  process.exit(2);
}

const sites = await serveSites(binary);
const open = (browser, site, options) => openPage(browser, { origins: [sites.origin(site)], ...options });
const shot = (page, name) => screenshot(page, shots, name);
const same = (name, found, wanted) => check(name, JSON.stringify(found) === JSON.stringify(wanted), found);

// Waits until the work returns something true, and returns that.
async function until(what, work) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const found = await work();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
}

// --- listings ---

const LOOKS = [
  ['desktop', DESKTOP],
  ['phone', PHONE],
  ['narrow', NARROW],
];
const shownName = (file) => file.shown ?? String(file.name);
const encodedPath = (...names) => `/${names.map((name) => `${encodeURIComponent(name)}/`).join('')}`;
const directoryPath = (page) => decodeURIComponent(new URL(page.url()).pathname);

const rows = (page) => page.locator('tbody tr').evaluateAll((all) => all.map((row) => ({
  name: row.cells[0].querySelector('bdi').textContent,
  href: row.cells[0].querySelector('a').href,
  size: row.cells[1].textContent.trim(),
  bytes: row.cells[1].title,
  time: row.querySelector('time').dateTime,
})));

// Cells whose content does not fit into them, and what lies outside of the window.
const spilled = (page) => page.evaluate(() => [...document.querySelectorAll('td, th, a, bdi, time, h1, p')]
  .filter((e) => {
    const box = e.getBoundingClientRect();
    return box.left < 0 || box.right > innerWidth || (e.matches('td, th') && e.scrollWidth > e.clientWidth);
  })
  .map((e) => e.textContent.slice(0, 40)));

async function listingLooks(browser) {
  const pages = { root: '/', deep: encodedPath(...DEEP), empty: '/empty/' };
  for (const [size, viewport] of LOOKS) {
    for (const scheme of ['light', 'dark']) {
      const { context, page, troubles } = await open(browser, 'listing', { viewport, scheme });
      for (const [name, path] of Object.entries(pages)) {
        const label = `listing ${name} ${scheme} ${size}`;
        await subject(label, async () => {
          await page.goto(sites.origin('listing') + path);
          equal(`${label}: no horizontal overflow`, await overflow(page), 0);
          same(`${label}: everything fits`, await spilled(page), []);
          const worst = await worstContrast(page);
          check(`${label}: every text has a contrast of at least 4.5`, worst.ratio >= 4.5, worst);
          if (name === 'root') {
            await page.hover('tbody tr:nth-child(6)');
            const hovered = await worstContrast(page);
            check(`${label}: also under the pointer`, hovered.ratio >= 4.5, hovered);
          }
          await shot(page, `listing-${name}-${scheme}-${size}`);
        });
      }
      check(`listing ${scheme} ${size}: no trouble`, troubles.length === 0, troubles);
      await context.close();
    }
  }
}

async function listingContent(browser) {
  const { context, page, troubles } = await open(browser, 'listing');
  await page.goto(sites.origin('listing'));
  const found = await rows(page);
  const files = [...FILES].sort(byName);
  same('listing: directories first, then files by name', found.map((row) => row.name), [...DIRECTORIES, ...files.map(shownName)]);
  const listed = found.slice(DIRECTORIES.length);
  same('listing: sizes for people', listed.map((row) => row.size), files.map((file) => file.human));
  same('listing: sizes to the byte', listed.map((row) => row.bytes), files.map((file) => `${file.size} byte${file.size === 1 ? '' : 's'}`));
  same('listing: times', listed.map((row) => row.time), files.map((file) => new Date(file.time * 1000).toISOString().replace('.000', '')));
  equal('listing: nothing of the names became an element', await page.locator('main :is(b, i, img, script)').count(), 0);
  check('listing: nothing reorders text', !/[\u202a-\u202e\u2066-\u2069]/.test(await page.content()), 'a control of direction');
  equal('listing: one heading of the first level', await page.locator('h1').count(), 1);
  equal('listing: the title', await page.title(), 'Index of /');
  holds('listing: the count', await text(page, 'main > p'), `${DIRECTORIES.length} directories, ${FILES.length} files`);
  equal('listing: no way up from the top', await page.locator('a[href^=".."]').count(), 0);

  const contents = await page.evaluate((hrefs) => Promise.all(hrefs.map(async (href) => {
    const response = await fetch(href, /gigabytes/.test(href) ? { headers: { Range: 'bytes=0-6' } } : {});
    return response.text();
  })), listed.map((row) => row.href));
  const wrong = files.filter((file, i) => contents[i] !== (file.size > 2 ** 20 ? file.content.padEnd(7, '\0') : file.content));
  same('listing: every link is that of its file', wrong.map(shownName), []);

  for (const [i, file] of files.entries()) {
    if (!/\W.*\.txt$/s.test(shownName(file).replaceAll('-', ''))) continue;  // only the odd ones
    const label = `listing: a click opens ${JSON.stringify(shownName(file))}`;
    await subject(label, async () => {
      await page.locator('tbody a').nth(DIRECTORIES.length + i).click();
      await page.waitForURL(listed[i].href);
      equal(label, await page.evaluate(() => document.body.textContent), file.content);
      await page.goBack();
    });
  }
  const at = files.findIndex((file) => file.name === 'javascript:alert(1)');
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('tbody a').nth(DIRECTORIES.length + at).click()]);
  equal('listing: a click downloads what has no type', await readFile(await download.path(), 'utf8'), files[at].content);
  // A download ends the navigation; a page of text makes Chromium look for an icon.
  same('listing: no trouble', troubles.filter((line) => !/ERR_ABORTED|\/favicon\.ico$/.test(line)), []);
  await context.close();
}

const SORTED = [
  { title: 'Name', compare: byName },
  { title: 'Size', compare: (a, b) => a.size - b.size },
  { title: 'Modified (UTC)', compare: (a, b) => a.time - b.time },
];

async function listingOrder(browser) {
  for (const script of [true, false]) {
    const { context, page, troubles } = await open(browser, 'listing', { script });
    await page.goto(sites.origin('listing'));
    for (const { title, compare } of SORTED) {
      // The list begins by name, and with the largest or the newest otherwise.
      for (const direction of ['descending', 'ascending']) {
        const label = `listing by ${title}, ${direction}${script ? '' : ', no script'}`;
        await subject(label, async () => {
          const before = page.url();
          await page.click(`th a:has-text("${title}")`);
          await page.waitForURL((url) => url.href !== before);
          const sign = direction === 'ascending' ? 1 : -1;
          const wanted = [...FILES].sort((a, b) => sign * compare(a, b) || byName(a, b)).map(shownName);
          const found = (await rows(page)).map((row) => row.name);
          same(`${label}: the files`, found.slice(DIRECTORIES.length), wanted);
          same(`${label}: the directories in front`, [...found.slice(0, DIRECTORIES.length)].sort(), [...DIRECTORIES].sort());
          const marks = await page.locator('th').evaluateAll((all) => all.map((th) => [th.innerText.replace(/[^\w() ]/g, '').trim(), th.getAttribute('aria-sort')]));
          same(`${label}: aria-sort`, marks, SORTED.map((column) => [column.title, column.title === title ? direction : null]));
          holds(`${label}: an arrow`, await page.locator('th[aria-sort]').innerText(), direction === 'ascending' ? '↑' : '↓');
        });
      }
    }
    await shot(page, `listing-by-time${script ? '' : '-no-script'}`);
    same(`listing by columns${script ? '' : ', no script'}: no trouble`, troubles, []);
    await context.close();
  }
}

async function listingWays(browser) {
  const { context, page, troubles } = await open(browser, 'listing');
  await page.goto(sites.origin('listing'));
  for (const [i, name] of DEEP.entries()) {
    await page.locator('tbody a', { hasText: name }).first().click();
    await page.waitForURL((url) => decodeURIComponent(url.pathname) === `/${DEEP.slice(0, i + 1).join('/')}/`);
  }
  equal('listing deep: the heading', (await text(page, 'h1')).replace(/\s+/g, ''), `Index of /${DEEP.join('/')}/`.replace(/\s+/g, ''));
  equal('listing deep: the title', await page.title(), `Index of /${DEEP.join('/')}/`);
  equal('listing deep: where one is', await text(page, '[aria-current="page"]'), DEEP.at(-1));
  const crumbs = page.locator('nav a');
  equal('listing deep: a link for each directory above', await crumbs.count(), DEEP.length);
  for (let level = 0; level < DEEP.length; level += 1) {
    await crumbs.nth(level).click();
    const wanted = `/${DEEP.slice(0, level).map((name) => `${name}/`).join('')}`;
    await page.waitForURL((url) => decodeURIComponent(url.pathname) === wanted);
    await page.goBack();
  }
  for (let level = DEEP.length; level > 0; level -= 1) {
    await page.click('text=Parent directory');
    const wanted = `/${DEEP.slice(0, level - 1).map((name) => `${name}/`).join('')}`;
    await page.waitForURL((url) => decodeURIComponent(url.pathname) === wanted);
  }
  equal('listing deep: the parent links lead to the top', directoryPath(page), '/');
  await page.goto(sites.origin('listing') + encodedPath('ordinary').slice(0, -1));
  equal('listing: a directory without its slash gets it', directoryPath(page), '/ordinary/');
  await page.click('tbody a');
  equal('listing: and its links lead into it', await page.evaluate(() => document.body.textContent), 'inside');
  same('listing deep: no trouble', troubles, []);
  await context.close();
}

async function listingKeyboard(browser) {
  for (const scheme of ['light', 'dark']) {
    const { context, page, troubles } = await open(browser, 'listing', { viewport: NARROW, scheme });
    await page.goto(sites.origin('listing') + encodedPath(DEEP[0]));
    const links = await page.locator('a').count();
    const seen = [];
    const unseen = [];
    for (let i = 0; i < links; i += 1) {
      await page.keyboard.press('Tab');
      const { href, isVisible } = await page.evaluate(() => {
        const { outlineStyle, outlineWidth, outlineOffset } = getComputedStyle(document.activeElement);
        const reach = parseFloat(outlineWidth) + parseFloat(outlineOffset);
        const box = document.activeElement.getBoundingClientRect();
        return {
          href: document.activeElement.href,
          isVisible: outlineStyle === 'solid' && parseFloat(outlineWidth) >= 2 && box.left >= reach && box.right + reach <= innerWidth && box.bottom > 0 && box.top < innerHeight,
        };
      });
      seen.push(href);
      if (!isVisible) unseen.push(href);
      if (i === links - 1) await shot(page, `listing-focus-${scheme}`);
    }
    same(`listing keyboard ${scheme}: Tab goes through all links in their order`, seen, await page.locator('a').evaluateAll((all) => all.map((a) => a.href)));
    same(`listing keyboard ${scheme}: the focus is visible on each`, unseen, []);
    const last = page.url();
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.href !== last);
    equal(`listing keyboard ${scheme}: Enter follows the last`, directoryPath(page), `/${DEEP.slice(0, 2).join('/')}/`);
    same(`listing keyboard ${scheme}: no trouble`, troubles, []);
    await context.close();
  }
}

// --- error pages ---

const OWN_ERRORS = [
  { status: 404, phrase: 'Not Found', path: '/no/such/file?x=<b>' },
  { status: 414, phrase: 'URI Too Long', path: `/${'long'.repeat(2500)}` },
  { status: 421, phrase: 'Misdirected Request', path: '/', site: 'nobody' },
  { status: 502, phrase: 'Bad Gateway', path: '/programs/fails' },
];

async function ownErrors(browser) {
  for (const [size, viewport] of LOOKS) {
    for (const scheme of ['light', 'dark']) {
      const { context, page, troubles } = await openPage(browser, {
        origins: ['plain', 'nobody'].map(sites.origin), viewport, scheme, expected: OWN_ERRORS.map(({ status }) => status),
      });
      for (const { status, phrase, path, site = 'plain' } of size === 'phone' ? OWN_ERRORS : OWN_ERRORS.slice(0, 1)) {
        const label = `own ${status} ${scheme} ${size}`;
        await subject(label, async () => {
          const response = await page.goto(sites.origin(site) + path);
          equal(`${label}: the status`, response.status(), status);
          equal(`${label}: the heading`, await text(page, 'h1'), `${status} ${phrase}`);
          equal(`${label}: the title`, await page.title(), `${status} ${phrase}`);
          equal(`${label}: no horizontal overflow`, await overflow(page), 0);
          const worst = await worstContrast(page);
          check(`${label}: every text has a contrast of at least 4.5`, worst.ratio >= 4.5, worst);
          await shot(page, `error-${status}-${scheme}-${size}`);
        });
      }
      same(`own errors ${scheme} ${size}: no trouble`, troubles, []);
      await context.close();
    }
  }
  await subject('own 405', async () => {
    const { context, page } = await open(browser, 'plain', { expected: [405] });
    await page.goto(sites.origin('plain'));
    await page.evaluate(() => { document.body.innerHTML = '<form method="post"><button>Send</button></form>'; });
    const [response] = await Promise.all([page.waitForNavigation(), page.click('button')]);
    equal('own 405: the status of a form sent to a file', response.status(), 405);
    equal('own 405: the heading', await text(page, 'h1'), '405 Method Not Allowed');
    await context.close();
  });
}

async function operatorErrors(browser) {
  for (const { status, path, heading } of [
    { status: 404, path: '/a/deep/path/to/nothing.html?x=1', heading: 'Lost' },
    { status: 502, path: '/programs/fails/with/a/path', heading: 'Broken' },
  ]) {
    for (const [size, viewport] of [LOOKS[0], LOOKS[2]]) {
      const label = `operator's ${status} ${size}`;
      await subject(label, async () => {
        const { context, page, troubles } = await open(browser, 'errors', { viewport, expected: [status] });
        const parts = {};
        page.on('response', (each) => { parts[new URL(each.url()).pathname] = each.status(); });
        const response = await page.goto(sites.origin('errors') + path);
        equal(`${label}: the status`, response.status(), status);
        equal(`${label}: the address stays`, page.url(), sites.origin('errors') + path);
        equal(`${label}: the page`, await text(page, 'h1'), heading);
        same(`${label}: its parts`, [parts['/error/style.css'], parts['/error/mark.js'], parts['/error/sign.svg']], [200, 200, 200]);
        equal(`${label}: the style holds`, await page.evaluate(() => getComputedStyle(document.body).borderLeftColor), 'rgb(0, 90, 120)');
        equal(`${label}: the script ran`, await page.evaluate(() => document.documentElement.dataset.marked), path.split('?')[0]);
        equal(`${label}: the image is there`, await page.evaluate(() => document.images[0].complete && document.images[0].naturalWidth > 0), true);
        equal(`${label}: no horizontal overflow`, await overflow(page), 0);
        await shot(page, `error-operator-${status}-${size}`);
        same(`${label}: no trouble`, troubles, []);
        await page.click('text=To the start');
        equal(`${label}: a way out`, await text(page, 'h1'), 'Start');
        await context.close();
      });
    }
  }
}

// --- an application with a router ---

// What went over the network: `of(path)` has {method, asked, status, fields, isFromCache} of each request in turn, with the
// fields of request and answer. The status is that on the wire (304 for what had not changed), and missing when nothing was
// asked of the server.
async function listen(context, page) {
  const session = await context.newCDPSession(page);
  let exchanges = new Map();
  // The events of one request come from two processes, in any order.
  const at = (id) => exchanges.get(id) ?? exchanges.set(id, {}).get(id);
  const lower = (headers) => Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  session.on('Network.requestWillBeSent', ({ requestId, request }) => Object.assign(at(requestId), { path: new URL(request.url).pathname, method: request.method }));
  session.on('Network.requestWillBeSentExtraInfo', ({ requestId, headers }) => { at(requestId).asked = lower(headers); });
  session.on('Network.requestServedFromCache', ({ requestId }) => { at(requestId).isFromCache = true; });
  session.on('Network.responseReceived', ({ requestId, response }) => { at(requestId).isFromCache ||= response.fromDiskCache; });
  session.on('Network.responseReceivedExtraInfo', ({ requestId, statusCode, headers }) => Object.assign(at(requestId), { status: statusCode, fields: lower(headers) }));
  await session.send('Network.enable');
  return {
    clear: () => { exchanges = new Map(); },
    of: (path) => [...exchanges.values()].filter((each) => each.path === path),
  };
}

const waitForView = async (page, path, shown) => {
  await page.waitForFunction(([where, what]) => document.documentElement.dataset.shown === where && document.querySelector('#view').textContent.includes(what), [path, shown]);
};

async function application(browser) {
  const origin = sites.origin('app');
  const { context, page, troubles } = await open(browser, 'app');
  const views = [['/', 'Home'], ['/items/42', 'Item 42'], ['/items/v1.2', 'Item v1.2'], ['/about', 'About this: übersetzt, 日本語']];
  for (const [path, shown] of views) {
    await subject(`application: ${path}`, async () => {
      const response = await page.goto(origin + path);
      await waitForView(page, path, shown);
      equal(`application: ${path} opens directly`, response.status(), 200);
      holds(`application: ${path} is a page`, response.headers()['content-type'], 'text/html');
      equal(`application: ${path} is no-cache`, response.headers()['cache-control'], 'no-cache');
      await page.reload();
      await waitForView(page, path, shown);
      equal(`application: ${path} survives a reload`, page.url(), origin + path);
    });
  }
  await page.goto(origin);
  for (const [link, path, shown] of [['Item', '/items/42', 'Item 42'], ['About', '/about', 'About this'], ['Home', '/', 'Home']]) {
    await page.click(`nav a:text-is("${link}")`);
    await waitForView(page, path, shown);
  }
  check('application: links change the view', true);
  await page.goBack();
  await waitForView(page, '/about', 'About this');
  await page.goBack();
  await waitForView(page, '/items/42', 'Item 42');
  await page.reload();
  await waitForView(page, '/items/42', 'Item 42');
  await page.goForward();
  await waitForView(page, '/about', 'About this');
  check('application: back, reload and forward', true);
  await shot(page, 'application-about');
  same('application: no trouble', troubles, []);
  await context.close();
}

async function applicationGaps(browser) {
  const { context, page, troubles } = await open(browser, 'app', { expected: [404] });
  const failures = [];
  page.on('console', (message) => { if (message.type() === 'error') failures.push(message.location().url); });
  const network = await listen(context, page);
  await page.goto(`${sites.origin('app')}/broken`);
  await waitForView(page, '/broken', 'TypeError');
  const path = '/assets/gone-00000000.js';
  equal('application: a missing script is 404', await until('its status', () => network.of(path)[0]?.status), 404);
  const body = await page.evaluate(async (url) => (await fetch(url)).text(), path);
  check('application: and not the page of the application', !body.includes('id="view"'), body);
  // Once by the import, once by the fetch above.
  same('application: the console tells of it alone', failures, [path, path].map((each) => sites.origin('app') + each));
  same('application: no other trouble', troubles.filter((line) => !line.startsWith(`request failed: ${sites.origin('app')}${path}`)), []);
  for (const missing of ['/gone.css', '/gone.png', '/gone.json', '/gone.woff2', '/gone.js.map']) {
    const status = await page.evaluate(async (url) => (await fetch(url)).status, missing);
    equal(`application: ${missing} is 404`, status, 404);
  }
  await context.close();
}

async function applicationCache(browser) {
  const { app } = sites;
  const { context, page, troubles } = await open(browser, 'app');
  const network = await listen(context, page);
  const assets = [app.script, app.style, app.about].map((name) => `/assets/${name}`);
  await page.goto(`${sites.origin('app')}/about`);
  await waitForView(page, '/about', 'About this');
  const all = ['/about', ...assets];
  const statuses = () => all.map((path) => network.of(path).map((each) => each.status));
  await until('all answers', () => statuses().flat().filter(Boolean).length === all.length);
  same('application: at first everything comes from the server', statuses(), [[200], [200], [200], [200]]);
  for (const path of assets) equal(`application: ${path.replace(/-\w+\./, '-HASH.')} may be kept`, network.of(path)[0].fields['cache-control'], 'public, max-age=31536000, immutable');
  for (const [how, go] of [['a reload', () => page.reload()], ['opening it again', () => page.goto(`${sites.origin('app')}/about`)]]) {
    network.clear();
    await go();
    await waitForView(page, '/about', 'About this');
    equal(`application: ${how} asks for the page again, which has not changed`, await until('the answer', () => network.of('/about')[0]?.status), 304);
    await until('the cache', () => assets.every((path) => network.of(path)[0]?.isFromCache));
    same(`application: ${how} takes the assets from the cache and asks the server for none`, statuses().slice(1), [[null], [null], [null]]);
  }
  // A new version of the page is seen at once.
  const file = join(sites.root('app'), 'index.html');
  const old = await readFile(file, 'utf8');
  await writeFile(file, old.replace('<nav>', '<nav data-version="2">'));
  await until('the new version', async () => {
    await page.reload();
    return page.locator('nav[data-version="2"]').count();
  });
  check('application: a new version of the page arrives', true);
  await writeFile(file, old);
  same('application cache: no trouble', troubles, []);
  await context.close();
}

// The style is compressed by the server, the script was by who built the application.
async function codings(browser) {
  const { app } = sites;
  const coded = { app: { '/': 'zstd', [`/assets/${app.style}`]: 'zstd', [`/assets/${app.script}`]: 'br' } };
  coded.brotli = Object.fromEntries(Object.keys(coded.app).map((path) => [path, 'br']));
  for (const [site, files] of Object.entries(coded)) {
    const { context, page, troubles } = await open(browser, site);
    const network = await listen(context, page);
    await page.goto(`${sites.origin(site)}/items/1`);
    await waitForView(page, '/items/1', 'Item 1');
    for (const [path, coding] of Object.entries(files)) {
      const label = `coding of ${site}${path.replace(/-\w+\./, '-HASH.')}`;
      await subject(label, async () => {
        network.clear();
        const { body, sent, decoded } = await page.evaluate(async (url) => {
          performance.clearResourceTimings();
          const response = await fetch(url, { cache: 'reload' });
          const content = await response.text();
          // The entry is made when the body has ended, which may be after it was read.
          let entry;
          while (!(entry = performance.getEntriesByType('resource')[0])) await new Promise((resolve) => { setTimeout(resolve, 10); });
          return { body: content, sent: entry.encodedBodySize, decoded: entry.decodedBodySize };
        }, path);
        const wanted = await readFile(join(sites.root('app'), path === '/' ? 'index.html' : path), 'utf8');
        const fields = await until('the fields', () => network.of(path)[0]?.fields);
        equal(`${label}: ${coding}`, fields['content-encoding'], coding);
        equal(`${label}: the browser decodes it`, body, wanted);
        check(`${label}: less was sent`, sent > 0 && sent < decoded / 2 && decoded === Buffer.byteLength(wanted), [sent, decoded]);
      });
    }
    same(`coding of ${site}: no trouble`, troubles, []);
    await context.close();
  }
}

// --- media ---

// Plays the file in an element, through an analyser that tells the loudest tone.
const startPlayer = (page, file) => page.evaluate(async (src) => {
  document.body.innerHTML = '<h1></h1><audio controls preload="metadata"></audio>';
  const player = document.querySelector('audio');
  document.querySelector('h1').textContent = src;
  const audio = new AudioContext({ sampleRate: 44100 });
  const analyser = new AnalyserNode(audio, { fftSize: 8192, smoothingTimeConstant: 0 });
  audio.createMediaElementSource(player).connect(analyser).connect(audio.destination);
  window.loudest = () => {
    const levels = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(levels);
    const at = levels.indexOf(Math.max(...levels));
    return levels[at] > -60 ? at * audio.sampleRate / analyser.fftSize : 0;
  };
  window.seek = (to) => new Promise((resolve, reject) => {
    player.addEventListener('seeked', () => resolve(player.currentTime), { once: true });
    player.addEventListener('error', () => reject(new Error(player.error.message)), { once: true });
    player.currentTime = to;
  });
  await audio.resume();
  await new Promise((resolve, reject) => {
    player.addEventListener('loadedmetadata', resolve, { once: true });
    player.addEventListener('error', () => reject(new Error(player.error.message)), { once: true });
    player.src = src;
  });
  return player.duration;
}, file);

const rangesOf = (network, path) => network.of(path).filter((each) => each.status)
  .map(({ asked, status, fields }) => ({ range: asked.range, condition: asked['if-none-match'], status, contentRange: fields['content-range'] }));

// Chromium asks for all from some octet on, or for a piece; for one that its cache has, whether it is still the same.
function isAnswered({ range, condition, status, contentRange }, length) {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
  return condition && status === 304 ? first !== undefined : status === 206 && contentRange === `bytes ${first}-${last || length - 1}/${length}`;
}

async function audio(browser) {
  for (const [file, length] of Object.entries(sites.media)) {
    await subject(`audio ${file}`, async () => {
      const { context, page, troubles } = await open(browser, 'media');
      await page.goto(sites.origin('media'));
      const network = await listen(context, page);
      equal(`${file}: its length is known`, Math.round(await startPlayer(page, `/${file}`)), SECONDS);
      for (const second of [50.5, 3.5, 31.5, 58.2]) {
        await subject(`${file} at ${second} s`, async () => {
          await page.evaluate(() => document.querySelector('audio').pause());
          equal(`${file} at ${second} s: sought`, await page.evaluate((to) => window.seek(to), second), second);
          await page.evaluate(() => document.querySelector('audio').play());
          await page.waitForFunction((from) => document.querySelector('audio').currentTime > from + 0.4, second);
          const heard = await until('the tone', () => page.evaluate(([from, step]) => {
            const tone = window.loudest();
            const place = document.querySelector('audio').currentTime;
            return Math.abs((tone - from) / step - Math.floor(place)) <= 1 && { tone, place };
          }, [toneAt(0), toneAt(1) - toneAt(0)]));
          check(`${file} at ${second} s: it plays on, and what belongs there`, heard.place > second, heard);
        });
      }
      await shot(page, `audio-${file}`);
      const asked = rangesOf(network, `/${file}`);
      check(`${file}: Chromium asks for ranges`, asked.length > 0 && asked.every(({ range }) => range), asked);
      same(`${file}: and gets them`, asked.filter((each) => !isAnswered(each, length)), []);
      // The larger one does not fit into what the browser reads ahead.
      if (file === 'disk.wav') {
        const starts = asked.map(({ range }) => Number(/\d+/.exec(range)));
        check(`${file}: it asks from the places it seeks to`, starts.some((start) => start > 40 / SECONDS * length), starts);
      }
      // A player that has enough lets go of its request.
      same(`${file}: no trouble`, troubles.filter((line) => !line.includes('ERR_ABORTED')), []);
      await context.close();
    });
  }
}

// Chromium records a video of a bar that grows with time, which the server then serves.
async function video(browser) {
  const { context, page, troubles } = await open(browser, 'media');
  await page.goto(sites.origin('media'));
  const recorded = await page.evaluate(async () => {
    const canvas = document.body.appendChild(document.createElement('canvas'));
    [canvas.width, canvas.height] = [320, 180];
    const pen = canvas.getContext('2d');
    const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: 'video/webm;codecs=vp8', videoBitsPerSecond: 1e6 });
    const pieces = [];
    recorder.ondataavailable = (event) => pieces.push(event.data);
    const begin = performance.now();
    const draw = () => {
      pen.fillStyle = '#000';
      pen.fillRect(0, 0, 320, 180);
      pen.fillStyle = '#fff';
      pen.fillRect(0, 0, (performance.now() - begin) / 4000 * 320, 180);
    };
    draw();
    recorder.start(500);
    const timer = setInterval(draw, 40);
    await new Promise((resolve) => { setTimeout(resolve, 4000); });
    clearInterval(timer);
    await new Promise((resolve) => {
      recorder.onstop = resolve;
      recorder.stop();
    });
    const octets = new Uint8Array(await new Blob(pieces).arrayBuffer());
    let binary = '';
    for (let i = 0; i < octets.length; i += 4096) binary += String.fromCharCode(...octets.subarray(i, i + 4096));
    return btoa(binary);
  });
  const webm = Buffer.from(recorded, 'base64');
  await writeFile(join(sites.root('media'), 'recorded.webm'), webm);
  const network = await listen(context, page);
  const ended = await page.evaluate(async () => {
    document.body.innerHTML = '<h1>A recording</h1><video controls muted width="320" height="180" src="/recorded.webm"></video>';
    const player = document.querySelector('video');
    player.playbackRate = 4;
    await player.play();
    // What a recorder writes has no length: it is known when the end has been seen.
    await new Promise((resolve) => { player.onended = resolve; });
    return player.currentTime;
  });
  check('video: it plays to its end', ended > 3 && ended < 6, ended);
  for (const second of [1, 3, 2]) {
    await subject(`video at ${second} s`, async () => {
      const share = await page.evaluate(async (to) => {
        const player = document.querySelector('video');
        await new Promise((resolve) => {
          player.onseeked = resolve;
          player.currentTime = to;
        });
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [320, 180];
        const pen = canvas.getContext('2d');
        pen.drawImage(player, 0, 0, 320, 180);
        const { data } = pen.getImageData(0, 90, 320, 1);
        return [...Array(320).keys()].filter((x) => data[4 * x] > 128).length / 320;
      }, second);
      check(`video at ${second} s: the picture of that time`, Math.abs(share * 4 - second) < 0.5, share * 4);
    });
  }
  await shot(page, 'video');
  const asked = rangesOf(network, '/recorded.webm');
  check('video: asked for by ranges', asked.length > 0 && asked.every((each) => isAnswered(each, webm.length)), asked);
  same('video: no trouble', troubles.filter((line) => !line.includes('ERR_ABORTED')), []);
  await context.close();
}

// --- other origins ---

// What fetch() gives a script: the status, the body and the fields it may read, or the error.
const ask = (page, url, options = {}) => page.evaluate(async ([target, how]) => {
  try {
    const response = await fetch(target, how);
    return { type: response.type, status: response.status, body: await response.text(), reading: response.headers.get('x-reading'), other: response.headers.get('x-other') };
  } catch (error) {
    return { error: error.name };
  }
}, [url, options]);

async function otherOrigins(browser) {
  const api = sites.origin('api.page');
  const refused = { error: 'TypeError' };
  const origins = ['page', 'other', 'api.page'].map(sites.origin);
  const { context, page, troubles } = await openPage(browser, { origins });
  const network = await listen(context, page);
  const preflights = (path) => network.of(path).filter((each) => each.method === 'OPTIONS').map((each) => each.status);
  await page.goto(sites.origin('page'));

  same('origins: the body is read, and the field that is exposed', await ask(page, `${api}/reading.json`),
    { type: 'cors', status: 200, body: '{"celsius": 21.5}\n', reading: '21.5', other: null });
  same('origins: no preflight for that', preflights('/reading.json'), []);
  same('origins: PUT', await ask(page, `${api}/items/7`, { method: 'PUT', headers: { 'Content-Type': 'application/json', 'X-Token': 'a' }, body: '{}' }),
    { type: 'cors', status: 200, body: '{"stored": "7"}', reading: '21.5', other: null });
  same('origins: PUT has a preflight', await until('the preflight', () => preflights('/items/7').length > 0 && preflights('/items/7')), [204]);
  equal('origins: which is remembered', (await ask(page, `${api}/items/7`, { method: 'PUT', headers: { 'X-Token': 'b' } })).status, 200);
  equal('origins: so there is no second', preflights('/items/7').length, 1);
  equal('origins: open to everybody', (await ask(page, `${api}/open/x`)).body, 'for everybody\n');
  equal('origins: with cookies', (await ask(page, `${api}/private/x`, { credentials: 'include' })).body, 'for those who are known\n');
  same('origins: the cookie was taken', (await context.cookies(`${api}/private/x`)).map(({ name, value }) => `${name}=${value}`), ['known=yes']);
  same('origins: no trouble where it is allowed', troubles, []);

  same('origins: a method that is not allowed', await ask(page, `${api}/items/8`, { method: 'DELETE' }), refused);
  same('origins: a field that is not allowed', await ask(page, `${api}/reading.json`, { headers: { 'X-Secret': '1' } }), refused);
  same('origins: no cookies where they are not allowed', await ask(page, `${api}/reading.json`, { credentials: 'include' }), refused);
  same('origins: nor where everybody may read', await ask(page, `${api}/open/x`, { credentials: 'include' }), refused);
  const missing = await ask(page, `${api}/no-such.json`);
  same('origins: errors can be read as well', [missing.status, missing.reading], [404, '21.5']);

  await page.goto(sites.origin('other'));
  same('origins: another page reads nothing', await ask(page, `${api}/reading.json`), refused);
  same('origins: and may not PUT', await ask(page, `${api}/items/9`, { method: 'PUT' }), refused);
  same('origins: its preflight is refused', await until('the preflight', () => preflights('/items/9').length > 0 && preflights('/items/9')), [403]);
  same('origins: so PUT was never sent', network.of('/items/9').filter((each) => each.method === 'PUT' && each.status), []);
  equal('origins: what is open it may read', (await ask(page, `${api}/open/x`)).status, 200);
  equal('origins: and use what it cannot read', (await ask(page, `${api}/reading.json`, { mode: 'no-cors' })).type, 'opaque');
  const odd = troubles.filter((line) => !/blocked by CORS policy|ERR_FAILED|status 404: .*no-such\.json|status of 404/.test(line));
  same('origins: no other trouble', odd, []);
  await context.close();
}

// One after the other: they share the files of the application.
async function applications(browser) {
  for (const work of [application, applicationGaps, applicationCache, codings]) await subject(work.name, () => work(browser));
}

const good = await run({
  listingLooks, audio, video, listingContent, listingOrder, listingWays, listingKeyboard, ownErrors, operatorErrors, applications, otherOrigins,
}, shots);
const wrong = await sites.close();
equal('the server ends well', wrong, '');
report();
process.exit(good && wrong === '' ? 0 : 1);
