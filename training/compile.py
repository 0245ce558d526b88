"""`python -m training.compile --size HEIGHTxWIDTH`: the program `build_engine`, from the checkout."""

import runpy

if __name__ == "__main__":
    # Run as a program, not imported: training depends on the package's core alone.
    runpy.run_module("weather_perception.build_engine", run_name="__main__", alter_sys=True)
