"""A driver without a cluster: its one rank runs beside it."""

import os
import sys

from colonnade.training.adapters.job_folder import JobFolder
from colonnade.training.adapters.rank import Part, Rank
from colonnade.training.adapters.ray_driver import options_of

if __name__ == "__main__":
    options = options_of(sys.argv[1:])
    folder = JobFolder(options.folder)
    Part(folder, options.attempt, Rank(0, 1), options.command, os.environ, options.work).run()
