"""Make tables from raw lines, and read and write them as CSVs by their schema."""
