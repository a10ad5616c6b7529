"""From raw lines to tables: the columns of every CSV, reading and writing them."""
