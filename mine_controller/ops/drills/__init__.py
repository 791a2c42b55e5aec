"""Drills on the site as it stands: does it obey, do fans prove what they do, is somebody reached, does a copy work?"""
