"""`python -m training.compile --size HEIGHTxWIDTH`: builds an engine, as the installed command `build_engine` does."""

import sys

from weather_perception.core.engines.command import main

if __name__ == "__main__":
    sys.exit(main())
