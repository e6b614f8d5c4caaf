"""Tests of the models: one contract, the wire, hostile servers, and a real model."""
