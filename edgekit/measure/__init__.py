"""What runs on the machine that measures: NumPy and the runtime, nothing else."""
