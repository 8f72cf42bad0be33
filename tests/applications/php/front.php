<?php
// SPDX-License-Identifier: MIT
// A front controller: it is given every path that is no file.
header('Content-Type: text/plain');
echo $_SERVER['SCRIPT_NAME'], ' for ', $_SERVER['REQUEST_URI'];
