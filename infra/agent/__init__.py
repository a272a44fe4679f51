"""The outbound-only agent: builds and edges."""
