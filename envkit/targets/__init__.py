"""Description to files: one folder per target, its templates and one module."""
