"""Whether something got worse: from measurements in turns, and from a history of them.

Pure: numbers in, outcomes out. `sequential` looks at growing counts of launches, `family` judges
several pairs together, `exact` compares what has no noise, `changes` finds change points.
"""
