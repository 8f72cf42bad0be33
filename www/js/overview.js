// SPDX-License-Identifier: MIT
// The exchange on the first page.

import { exchange, reveal, show, whilePressed } from './message.js';

const ECHO = '/cgi-bin/echo?format=json';
const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' };

const PRESETS = {
  get: {
    request: { target: ECHO },
    note: 'The program answered with the request as it received it: that is the request shown here. The value of a cookie is not shown.',
  },
  post: {
    request: { method: 'POST', target: ECHO, fields: FORM, body: 'word=na%C3%AFve&sign=%26' },
    note: 'The fields of a form travel as the body; Content-Length tells the server where it ends.',
  },
  head: {
    request: { method: 'HEAD', target: '/css/style.css' },
    note: 'Content-Length is that of the file, although no body follows.',
  },
  options: {
    request: { method: 'OPTIONS', target: '/css/style.css' },
    note: 'Allow names the methods that this resource takes.',
  },
  missing: {
    request: { target: '/no-such-page' },
    note: 'The body is the page that people see. The browser also reports the status in its console.',
  },
  refused: {
    request: { method: 'DELETE', target: '/css/style.css' },
    note: 'The method is known, but a file does not take it. The browser also reports the status in its console.',
  },
};

const result = document.getElementById('exchange-result');
const requestsByPort = new Map();

// Which connection the request came in on, as far as the server tells the client's port.
function connection(port) {
  if (!port) return '';
  const count = (requestsByPort.get(port) ?? 0) + 1;
  requestsByPort.set(port, count);
  return count === 1 ? `, on the connection from port ${port}` : `, on the same connection from port ${port} (request ${count} of this page)`;
}

async function run({ request, note }) {
  const made = await exchange(request);
  let from = '';
  if (request.target === ECHO && made.status === 200) {
    const received = JSON.parse(new TextDecoder().decode(made.octets));
    show(document.getElementById('exchange-request'), received);
    from = connection(received.variables.REMOTE_PORT);
  } else {
    show(document.getElementById('exchange-request'), { ...made.request, aside: 'and the fields that the browser adds' });
  }
  show(document.getElementById('exchange-response'), made.response);
  document.getElementById('exchange-note').textContent = note;
  return `${made.status} ${made.reason} after ${made.milliseconds.toFixed(1)} ms${from}`;
}

for (const button of document.querySelectorAll('[data-preset]')) {
  button.addEventListener('click', () => whilePressed(button, result, () => run(PRESETS[button.dataset.preset])));
}
reveal('exchange-panel');
document.querySelector('[data-preset="get"]').click();
