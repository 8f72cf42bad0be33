<?php
// SPDX-License-Identifier: MIT
header('Content-Type: application/octet-stream');
$piece = str_repeat(implode('', array_map('chr', range(0, 255))), 256);
for ($left = (int) $_GET['octets']; $left > 0; $left -= strlen($piece)) {
    echo substr($piece, 0, $left);
}
