"""The derived tables, one module per CSV."""
