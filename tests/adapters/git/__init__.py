"""The Git providers' adapters against providers of our own."""
