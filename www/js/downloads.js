// SPDX-License-Identifier: MIT
// Fetches parts of a file, and asks whether it has changed.

import { exchange, reveal, show, whilePressed } from './message.js';

const FILE = '/files/ranges.txt';
const PIECES = 4;

const byId = (id) => document.getElementById(id);
const ADDED = 'and the fields that the browser adds';

function showExchange(prefix, made) {
  show(byId(`${prefix}-request`), { ...made.request, aside: ADDED });
  show(byId(`${prefix}-response`), made.response);
}

// "bytes 0-127/8192" as numbers, or null.
function contentRange(made) {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(made.header.get('content-range') ?? '');
  return match && { first: Number(match[1]), last: Number(match[2]), size: Number(match[3]) };
}

// Marks the parts of the file that came.
function mark(ranges) {
  const rectangles = ranges.map(({ first, last }) => {
    const rectangle = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
    rectangle.setAttribute('class', 'piece');
    rectangle.setAttribute('x', first);
    rectangle.setAttribute('width', Math.max(last - first + 1, 48));
    rectangle.setAttribute('height', 100);
    return rectangle;
  });
  byId('range-extent').replaceChildren(...rectangles);
}

async function fetchRange(range) {
  const made = await exchange({ target: FILE, fields: { Range: `bytes=${range}` } });
  const came = contentRange(made);
  showExchange('range', made);
  mark(came ? [came] : []);
  if (!came) return `${made.status} ${made.reason}`;
  return `${made.status} ${made.reason}: octets ${came.first} to ${came.last} of ${came.size}`;
}

async function fetchPieces() {
  const whole = await exchange({ target: FILE });
  const size = whole.octets.length;
  const joined = new Uint8Array(size);
  const ranges = [];
  for (let i = 0; i < PIECES; i += 1) {
    const first = Math.floor((size * i) / PIECES);
    const last = Math.floor((size * (i + 1)) / PIECES) - 1;
    const made = await exchange({ target: FILE, fields: { Range: `bytes=${first}-${last}` } });
    const came = contentRange(made);
    showExchange('range', made);
    if (made.status !== 206 || came?.first !== first || made.octets.length !== last - first + 1) {
      return `Piece ${i + 1} came as ${made.status} ${made.reason}`;
    }
    joined.set(made.octets, first);
    ranges.push(came);
    mark(ranges);
  }
  const same = joined.every((octet, i) => octet === whole.octets[i]);
  return `${PIECES} answers 206, ${size} octets in all, ${same ? 'the same as' : 'not the same as'} the file in one piece`;
}

async function ask(condition) {
  const fields = {};
  if (condition !== 'none') {
    const known = await exchange({ method: 'HEAD', target: FILE });
    fields[condition] = known.header.get(condition === 'If-None-Match' ? 'etag' : 'last-modified') ?? '';
  }
  const made = await exchange({ target: FILE, fields });
  showExchange('conditional', made);
  const size = made.octets.length;
  return `${made.status} ${made.reason}: ${size === 0 ? 'no body' : `a body of ${size} octets`}`;
}

for (const button of document.querySelectorAll('[data-range]')) {
  button.addEventListener('click', () => whilePressed(button, byId('range-result'), () => fetchRange(button.dataset.range)));
}
byId('range-pieces').addEventListener('click', (event) => whilePressed(event.currentTarget, byId('range-result'), fetchPieces));
byId('range-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const range = `${byId('range-first').value}-${byId('range-last').value}`;
  for (const other of document.querySelectorAll('#range-panel [aria-pressed]')) other.setAttribute('aria-pressed', 'false');
  whilePressed(event.submitter ?? event.currentTarget.querySelector('button'), byId('range-result'), () => fetchRange(range));
});
for (const button of document.querySelectorAll('[data-condition]')) {
  button.addEventListener('click', () => whilePressed(button, byId('conditional-result'), () => ask(button.dataset.condition)));
}
for (const element of document.querySelectorAll('[data-origin]')) element.textContent = location.origin;
reveal('range-panel', 'conditional-panel');
document.querySelector('[data-range="0-127"]').click();
document.querySelector('[data-condition="If-None-Match"]').click();
