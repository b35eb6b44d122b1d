"""Figures: how fast, how small; `make bench` prints them."""
