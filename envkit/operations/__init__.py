"""What touches a machine: files written, judged, installed; programs run, databases backed up, images looked into."""
