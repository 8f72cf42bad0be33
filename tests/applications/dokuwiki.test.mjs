// SPDX-License-Identifier: MIT
// Uses DokuWiki in headless Chromium: logs in, writes a page, puts a picture on it, changes it and looks it up.
//
//   node dokuwiki.test.mjs BASE_URL SCREENSHOT_DIRECTORY
//
// One line per check; the last line is "N passed, N failed".

import { check, equal, holds, open, report, run, screenshot } from './harness.mjs';

const [base, shots] = process.argv.slice(2);
if (!base || !shots) {
  console.error('usage: node dokuwiki.test.mjs BASE_URL SCREENSHOT_DIRECTORY');
  process.exit(2);
}

const ORIGIN = new URL(base).origin;
const TEXT = `====== Birds of the pond ======

Two **coots** and a //heron//, seen on the 3rd.

^ Bird ^ Number ^
| coot | 2 |
| heron | 1 |
`;

async function picture(page) {
  const url = await page.evaluate(() => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [160, 90];
    const pen = canvas.getContext('2d');
    pen.fillStyle = '#258';
    pen.fillRect(0, 0, 160, 90);
    pen.fillStyle = '#fd5';
    pen.fillRect(60, 25, 40, 40);
    return canvas.toDataURL('image/png');
  });
  return Buffer.from(url.split(',')[1], 'base64');
}

async function edit(page, id, text) {
  await page.goto(`${base}/doku.php?id=${id}&do=edit`);
  await page.locator('#wiki__text').fill(text);
  await Promise.all([page.waitForURL((url) => !url.href.includes('do=edit') && !url.hash.includes('edit')), page.locator('#edbtn__save').click()]);
}

async function writing(browser) {
  const { context, page, troubles } = await open(browser, { origins: [ORIGIN] });
  const first = await page.goto(`${base}/`);
  equal('front page: it answers', first.status(), 200);
  holds('front page: it has the title of the wiki', await page.title(), 'Field notes');

  await page.getByRole('link', { name: 'Log In' }).click();
  await page.locator('#dw__login input[name=u]').fill('ada');
  await page.locator('#dw__login input[name=p]').fill('secret');
  await page.locator('#dw__login button[type=submit]').click();
  await page.locator('#dokuwiki__usertools .user').waitFor();
  holds('login: she is greeted by her name', await page.locator('#dokuwiki__usertools .user').innerText(), 'Ada Author');

  await edit(page, 'birds', TEXT);
  equal('edit: the heading', await page.locator('#dokuwiki__content h1').first().innerText(), 'Birds of the pond');
  equal('edit: the table', await page.locator('#dokuwiki__content table td').count(), 4);
  await screenshot(page, shots, 'dokuwiki-page');

  const png = await picture(page);
  await page.goto(`${base}/doku.php?id=start&do=media&tab_files=upload`);
  await page.locator('#mediamanager__uploader input[type=file]').setInputFiles({ name: 'pond.png', mimeType: 'image/png', buffer: png });
  await page.locator('#mediamanager__upload_button').click();
  await page.locator('.qq-upload-success').waitFor();
  const sent = await page.evaluate(async (url) => (await (await fetch(url)).arrayBuffer()).byteLength, `${base}/lib/exe/fetch.php?media=pond.png`);
  equal('upload: the picture comes back whole', sent, png.length);

  await edit(page, 'birds', `${TEXT}\n{{:pond.png|The pond}}\n`);
  const image = page.locator('#dokuwiki__content img[alt="The pond"]').first();
  await image.waitFor();
  check('edit: the picture is shown', await image.evaluate((img) => img.decode().then(() => img.naturalWidth === 160)));
  await screenshot(page, shots, 'dokuwiki-picture');

  await page.goto(`${base}/doku.php?id=start&do=search&q=heron`);
  holds('search: the page is found', await page.locator('#dokuwiki__content').innerText(), 'birds');

  await page.locator('#dokuwiki__usertools a[href*="do=logout"]').click();
  await page.getByRole('link', { name: 'Log In' }).waitFor();
  check('logout: she is a stranger again', await page.locator('#dokuwiki__usertools .user').count() === 0);
  check('no trouble', troubles.length === 0, troubles);
  await context.close();
}

const good = await run({ writing }, shots);
report();
process.exit(good ? 0 : 1);
