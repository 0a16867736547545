"""A small stand-in for Quizagator: quizzes in one SQLite file, served by one container."""
