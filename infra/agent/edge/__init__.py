"""The agent's edge role: routes, health gates, drains and watching, beside one Caddy."""
