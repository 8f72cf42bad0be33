<?php
// SPDX-License-Identifier: MIT
// The second piece is made when the file that the query names is there.
header('Content-Type: text/plain');
while (ob_get_level() > 0) {
    ob_end_flush();
}
echo "first\n";
flush();
for ($i = 0; $i < 6000 && !file_exists($_GET['until']); ++$i) {
    usleep(10000);
    clearstatcache();
}
echo "second\n";
