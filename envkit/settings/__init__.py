"""Values in: sources, the .env reader, field types, loading, errors, explaining."""
