"""What touches a machine: writing files atomically, verifying with the real program, serving locally."""
