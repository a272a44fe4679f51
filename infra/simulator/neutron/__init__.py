"""Neutron: networks, ports, security groups and floating addresses."""
