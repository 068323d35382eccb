"""Checking derivatives: the certificate, and the points it is drawn at."""
