// SPDX-License-Identifier: MIT
// The sites of static.test.mjs, in a directory of their own, and a server for them.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, open, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';

const DEADLINE = 20000;
const DAY = 86400;
export const NOW = Math.floor(Date.now() / 1000 / DAY) * DAY - DAY;

// The files of the listing, in the order of their names. `shown` is what the page has to say instead of the name
// itself; a name of octets is one that is no UTF-8.
export const FILES = [
  { name: ' a space in front.txt' },
  { name: '"double" and \'single\'.txt' },
  { name: '#fragment.txt' },
  { name: '%41%2f%.txt' },
  { name: '&amp; &lt; &copy=.txt' },
  { name: '+plus+.txt' },
  { name: '1-nothing.txt', size: 0, human: '0 B' },
  { name: '2-one.txt', size: 1, human: '1 B' },
  { name: '3-below-a-kibibyte.txt', size: 1023, human: '1023 B' },
  { name: '4-kibibyte.txt', size: 1024, human: '1.0 KiB' },
  { name: '5-below-a-mebibyte.bin', size: 1048575, human: '1.0 MiB' },
  { name: '6-gigabytes.iso', size: 5e9, human: '4.7 GiB' },
  { name: '7-more-gigabytes.iso', size: 999 * 2 ** 30 + 2 ** 29, human: '999.5 GiB' },
  { name: '8-before-1970.txt', time: -1 },
  { name: '9-after-2038.txt', time: 2 ** 31 + DAY },
  { name: '<b>bold<img src=x onerror=alert(1)>.txt' },
  { name: '?query=1&b.txt' },
  { name: 'back\\slash.txt' },
  { name: 'colon: and; semicolon, comma.txt' },
  { name: 'data:text,html.txt' },
  { name: 'javascript:alert(1)' },
  { name: 'javascript:alert(document.domain)%0a.txt' },
  { name: 'line\nfeed\tand tab.txt', shown: 'line␊feed␉and tab.txt' },
  { name: `${'many-words-'.repeat(18)}2.txt` },
  { name: Buffer.from('not-utf8-\xff\xfe.txt', 'latin1'), shown: 'not-utf8-\ufffd\ufffd.txt' },
  { name: 'photo\u202Egpj.txt', shown: 'photo\ufffdgpj.txt' },
  { name: 'two  spaces.txt' },
  { name: `${'x'.repeat(196)}.txt` },
  { name: '{{braces}} ${1+1} {path}.txt' },
  { name: 'Z\u0336\u0321\u034aal\u0335g\u0321o.txt' },
  { name: '~tilde.txt' },
  { name: 'עברית 12.txt' },
  { name: '“quoted” – Zoë.txt' },
  { name: '日本語のファイル.txt' },
  { name: '👩‍👩‍👧🜚'.repeat(10) + '.txt' },
];
export const DIRECTORIES = ['100% <i>&"\'', 'empty', 'javascript:alert(2)', 'ordinary'];
export const DEEP = ['100% <i>&"\'', '#second?', 'déjà vu', 'x'.repeat(120)];

const octets = (name) => (Buffer.isBuffer(name) ? name : Buffer.from(name));
const lower = (name) => Buffer.from(octets(name).map((octet) => (octet >= 0x41 && octet <= 0x5a ? octet + 32 : octet)));
export const byName = (a, b) => Buffer.compare(lower(a.name), lower(b.name)) || Buffer.compare(octets(a.name), octets(b.name));

async function put(root, path, content) {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}

async function makeListing(root) {
  for (const name of DIRECTORIES) await mkdir(join(root, name), { recursive: true });
  await put(root, 'ordinary/inside.txt', 'inside');
  await put(root, join(...DEEP, 'bottom.txt'), 'bottom');
  for (const [i, file] of FILES.entries()) {
    const isSparse = file.size > 2 ** 20;
    file.content = file.size === undefined || isSparse ? `file ${i}` : 'x'.repeat(file.size);
    const path = Buffer.concat([Buffer.from(`${root}/`), octets(file.name)]);
    await writeFile(path, file.content);
    if (isSparse) await truncate(path, file.size);
    file.size ??= Buffer.byteLength(file.content);
    file.human ??= `${file.size} B`;
    // A few have the same time.
    file.time ??= NOW - Math.floor((i * 7) % 30) * DAY * 97 + i % 3 * 3661;
    // A number below 0 would be taken for the present.
    await utimes(path, new Date(file.time * 1000), new Date(file.time * 1000));
  }
  for (const name of DIRECTORIES) await utimes(join(root, name), NOW, NOW);
}

const page = (title, head, body) => `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
${head}
${body}
</html>
`;

async function makeErrors(root) {
  const head = '<link rel="stylesheet" href="/error/style.css">\n<script src="/error/mark.js" defer></script>';
  const body = (what) => `<h1>${what}</h1>\n<p><img src="/error/sign.svg" alt="a sign" width="48" height="48"> <a href="/">To the start</a></p>`;
  await put(root, 'index.html', page('Start', '', '<h1>Start</h1>'));
  await put(root, 'error/404.html', page('Lost', head, body('Lost')));
  await put(root, 'error/5xx.html', page('Broken', head, body('Broken')));
  await put(root, 'error/style.css', 'body { font-family: sans-serif; margin: 2rem; border-left: 8px solid rgb(0, 90, 120); padding-left: 1rem }\n');
  await put(root, 'error/mark.js', 'document.documentElement.dataset.marked = location.pathname;\n');
  await put(root, 'error/sign.svg', '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 2"><path d="M1 0 2 2H0z" fill="#b50"/></svg>\n');
}

const hashed = (name, content) => name.replace('.', `-${createHash('sha256').update(content).digest('hex').slice(0, 8)}.`);

// What a bundler would have written: names with hashes, one part that is loaded when it is needed.
async function makeApp(root) {
  const filler = Array.from({ length: 400 }, (_, i) => `// line ${i} of what a library would take\n`).join('');
  const about = `${filler}export const show = () => 'About this: übersetzt, 日本語';\n`;
  const aboutName = hashed('about.js', about);
  const script = `${filler}
const view = document.querySelector('#view');
async function show() {
  const [, section, id] = location.pathname.split('/');
  let text = 'No such view';
  if (!section) text = 'Home';
  else if (section === 'items') text = 'Item ' + decodeURIComponent(id);
  else if (section === 'about') text = (await import('./${aboutName}')).show();
  else if (section === 'broken') text = await import('./gone-00000000.js').then(() => 'loaded', (error) => error.name);
  view.textContent = text;
  document.title = text;
  document.documentElement.dataset.shown = location.pathname;
}
document.addEventListener('click', (event) => {
  const link = event.target.closest('a[data-route]');
  if (!link) return;
  event.preventDefault();
  history.pushState(null, '', link.href);
  show();
});
addEventListener('popstate', show);
show();
`;
  const style = `${'/* what a framework would take */\n'.repeat(200)}body { font-family: sans-serif; color: rgb(20, 40, 60) }\n`;
  const app = { script: hashed('app.js', script), style: hashed('app.css', style), about: aboutName };
  await put(root, `assets/${app.script}`, script);
  await put(root, `assets/${app.script}.br`, brotliCompressSync(script));
  await put(root, `assets/${app.style}`, style);
  await put(root, `assets/${app.about}`, about);
  await put(root, 'index.html', page('An application',
    `<link rel="stylesheet" href="/assets/${app.style}">\n<script type="module" src="/assets/${app.script}"></script>`,
    `<nav><a data-route href="/">Home</a> <a data-route href="/items/42">Item</a> <a data-route href="/about">About</a> <a data-route href="/broken">Broken</a></nav>
<main id="view"></main>
<!-- ${'what a template would take '.repeat(60)} -->`));
  return app;
}

// A minute of PCM in which each second has a tone of its own, so that one can hear where one is.
export const SECONDS = 60;
export const toneAt = (second) => 300 + 40 * second;
function wave({ rate, channels, bits }) {
  const frames = SECONDS * rate;
  const frame = channels * bits / 8;
  const wav = Buffer.alloc(44 + frames * frame);
  wav.write('RIFF');
  wav.writeUInt32LE(wav.length - 8, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(channels, 22);
  wav.writeUInt32LE(rate, 24);
  wav.writeUInt32LE(rate * frame, 28);
  wav.writeUInt16LE(frame, 32);
  wav.writeUInt16LE(bits, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(frames * frame, 40);
  for (let i = 0; i < frames; i += 1) {
    const level = Math.sin(2 * Math.PI * toneAt(Math.floor(i / rate)) * (i / rate)) * 0.4;
    for (let c = 0; c < channels; c += 1) {
      const at = 44 + i * frame + c * bits / 8;
      if (bits === 8) wav.writeUInt8(Math.round(128 + 127 * level), at);
      else wav.writeInt16LE(Math.round(32767 * level), at);
    }
  }
  return wav;
}

// Above and below the 1 MiB that [cache] keeps in memory.
async function makeMedia(root) {
  const waves = { 'disk.wav': wave({ rate: 44100, channels: 2, bits: 16 }), 'memory.wav': wave({ rate: 16000, channels: 1, bits: 8 }) };
  for (const [name, content] of Object.entries(waves)) await put(root, name, content);
  await put(root, 'index.html', page('Media', '', '<h1>Media</h1>'));
  return { 'disk.wav': waves['disk.wav'].length, 'memory.wav': waves['memory.wav'].length };
}

async function makePrograms(root) {
  await put(root, 'fails', '#!/bin/sh\nexit 1\n');
  await chmod(join(root, 'fails'), 0o755);
}

const configuration = (port) => `
[access_log]
path = "off"

[[listener]]
address = "127.0.0.1:${port}"

[[site]]
hosts   = ["listing.localhost"]
root    = "listing"
listing = true

[[site]]
hosts = ["plain.localhost", "page.localhost", "other.localhost"]
root  = "errors"
[[site.route]]
path    = "/programs/*"
handler = "cgi"
root    = "programs"

[[site]]
hosts       = ["errors.localhost"]
root        = "errors"
error_pages = { 404 = "/error/404.html", 5xx = "/error/5xx.html" }
[[site.route]]
path    = "/programs/*"
handler = "cgi"
root    = "programs"

[[site]]
hosts         = ["app.localhost"]
root          = "app"
fallback      = "/index.html"
cache_control = { "*.html" = "no-cache", "/assets/*" = "public, max-age=31536000, immutable" }

[[site]]
hosts         = ["brotli.localhost"]
root          = "app"
fallback      = "/index.html"
precompressed = false
compress      = ["br", "gzip"]

[[site]]
hosts = ["media.localhost"]
root  = "media"

[[site]]
hosts   = ["api.page.localhost"]
root    = "api"
headers = { "X-Reading" = "21.5", "X-Other" = "1" }
cors    = { origins = ["http://page.localhost:${port}"], methods = ["PUT"], headers = ["Content-Type", "X-Token"], expose = ["X-Reading"] }
[[site.route]]
path    = "/items/*"
methods = ["PUT", "DELETE"]
handler = "respond"
type    = "application/json"
body    = '{"stored": "{path}"}'
[[site.route]]
path    = "/open/*"
handler = "respond"
body    = "for everybody\\n"
cors    = { origins = ["*"] }
[[site.route]]
path    = "/private/*"
handler = "respond"
body    = "for those who are known\\n"
headers = { "Set-Cookie" = "known=yes; SameSite=Lax" }
cors    = { origins = ["http://page.localhost:${port}"], credentials = true }
`;

async function freePort() {
  const server = createServer();
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

// Starts the server in the directory; `stop` ends it and returns what was wrong with how it ended, or ''.
async function start(binary, directory) {
  const errors = await open(join(directory, 'stderr'), 'w');
  const server = spawn(binary, ['-c', 'uvhttpd.toml'], { cwd: directory, stdio: ['ignore', 'ignore', errors.fd] });
  await errors.close();
  const ended = new Promise((resolve) => {
    server.once('error', (error) => resolve(error.message));
    server.once('exit', (code, signal) => resolve(signal ?? code));
  });
  let end;
  ended.then((how) => { end = how; });
  const said = () => readFile(join(directory, 'stderr'), 'utf8');
  const until = Date.now() + DEADLINE;
  while (!/^uvhttpd: listening on /m.test(await said())) {
    if (end !== undefined || Date.now() > until) {
      server.kill('SIGKILL');
      throw new Error(`the server did not start: ${end}\n${await said()}`);
    }
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
  return async () => {
    const timer = setTimeout(() => server.kill('SIGKILL'), DEADLINE);
    server.kill('SIGTERM');
    const how = await ended;
    clearTimeout(timer);
    return how === 0 ? '' : `ended with ${how}\n${await said()}`;
  };
}

// The sites, served: `origin(name)` is that of NAME.localhost. `close` is `stop` and removes all files.
export async function serveSites(binary) {
  const directory = await mkdtemp(join(tmpdir(), 'uvhttpd-browser-'));
  const close = () => rm(directory, { recursive: true, force: true });
  try {
    const root = (name) => join(directory, name);
    await makeListing(root('listing'));
    await makeErrors(root('errors'));
    await makePrograms(root('programs'));
    const app = await makeApp(root('app'));
    const media = await makeMedia(root('media'));
    await put(root('api'), 'reading.json', '{"celsius": 21.5}\n');
    const port = await freePort();
    await writeFile(root('uvhttpd.toml'), configuration(port));
    const stop = await start(binary, directory);
    return {
      root,
      app,
      media,
      origin: (name) => `http://${name}.localhost:${port}`,
      close: async () => {
        const wrong = await stop();
        await close();
        return wrong;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
