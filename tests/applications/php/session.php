<?php
// SPDX-License-Identifier: MIT
session_start();
$_SESSION['visits'] = ($_SESSION['visits'] ?? 0) + 1;
setcookie('taste', 'ginger & lemon', ['path' => '/', 'httponly' => true]);
header('Content-Type: text/plain');
echo $_SESSION['visits'];
