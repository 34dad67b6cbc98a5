"""Marks by people: a blind page, the plan of which texts it asks for, and the labels that it leaves."""
