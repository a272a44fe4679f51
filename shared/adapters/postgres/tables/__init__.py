"""The tables: each adapter imports its own, `every` has all of them."""
