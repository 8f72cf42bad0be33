<?php
// SPDX-License-Identifier: MIT
http_response_code((int) $_GET['code']);
header('Content-Type: text/plain');
header('X-Own: yes');
echo 'the body of ' . $_GET['code'];
