<?php
// SPDX-License-Identifier: MIT
// What PHP was told, as JSON: its variables, its fields, its uploads; nothing of it is HTML.
header('Content-Type: application/json');
$secret = 'the source of a script is a secret';
$files = [];
foreach ($_FILES as $name => $file) {
    $files[$name] = [
        'name' => $file['name'], 'type' => $file['type'], 'error' => $file['error'], 'size' => $file['size'],
        'sha1' => is_uploaded_file($file['tmp_name']) ? sha1_file($file['tmp_name']) : null,
    ];
}
echo json_encode([
    'server' => $_SERVER, 'environment' => getenv(), 'get' => $_GET, 'post' => $_POST, 'files' => $files, 'cookies' => $_COOKIE,
    'body' => strlen(file_get_contents('php://input')), 'directory' => getcwd(), 'sapi' => PHP_SAPI,
], JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE);
