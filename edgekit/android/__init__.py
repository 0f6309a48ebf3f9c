"""What a phone's own programs say, from their texts alone: a phone has no Python for a worker.

Written after Android's and LiteRT's sources and published listings; none of it was taken from a
phone. Facts have the names that `edgekit.measure.state` gives, so whatever judges a machine judges
a phone as well.
"""
