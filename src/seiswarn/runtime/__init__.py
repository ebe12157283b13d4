"""The only part that knows clocks, processes and files: drives the pipeline live and in replay."""
