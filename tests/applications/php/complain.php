<?php
// SPDX-License-Identifier: MIT
error_log('a complaint of the script');
header('Content-Type: text/plain');
echo 'done';
