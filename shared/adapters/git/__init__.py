"""Git providers behind one port: GitHub and GitLab, hosted or on one's own server."""
