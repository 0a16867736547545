"""A small stand-in for Rocket 2: what its deployment has to serve, without Slack, GitHub and AWS behind it."""
