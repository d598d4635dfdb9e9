"""Derived tables, and how they are kept true."""
