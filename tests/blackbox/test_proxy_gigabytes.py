# SPDX-License-Identifier: MIT
"""The reverse proxy with bodies that are larger than any buffer could be; a stage of its own, since it keeps a CPU busy."""
import pytest

from test_proxy_streams import pass_both_ways


@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
def test_four_gigabytes_and_more_pass_both_ways_in_flat_memory(server, upstream, is_chunked):
    """More than 32 bits can count."""
    pass_both_ways(server, upstream, (4 << 30) + (64 << 20), is_chunked)
