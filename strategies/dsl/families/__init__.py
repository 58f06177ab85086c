"""The rows of the table of primitives, one module for each family."""
