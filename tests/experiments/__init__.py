"""Tests of what compares variants."""
