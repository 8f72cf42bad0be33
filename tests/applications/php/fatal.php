<?php
// SPDX-License-Identifier: MIT
no_such_function();
