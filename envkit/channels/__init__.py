"""Values across: one module per channel, beside the escape codec they share."""
