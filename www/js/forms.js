// SPDX-License-Identifier: MIT
// Shows, while a form is filled in, the request that it will become.

import { reveal, show } from './message.js';

const FORM = 'application/x-www-form-urlencoded';

// What the browser will send: line ends in a form are CR LF.
function encoded(form) {
  const pairs = new URLSearchParams();
  for (const [name, value] of new FormData(form)) pairs.append(name, value.replace(/\r\n|\r|\n/g, '\r\n'));
  return pairs.toString();
}

function preview(form, element) {
  const fields = [['Host', location.host]];
  const path = new URL(form.action).pathname;
  const pairs = encoded(form);
  if (form.method === 'get') {
    show(element, { line: `GET ${path}?${pairs} HTTP/1.1`, fields });
  } else {
    fields.push(['Content-Type', FORM], ['Content-Length', pairs.length]);
    show(element, { line: `POST ${path} HTTP/1.1`, fields, body: pairs });
  }
}

for (const name of ['get', 'post']) {
  const form = document.getElementById(`${name}-form`);
  const element = document.getElementById(`${name}-preview`);
  const update = () => preview(form, element);
  form.addEventListener('input', update);
  window.addEventListener('pageshow', update);
  update();
}
reveal();
