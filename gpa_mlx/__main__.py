"""`python -m gpa_mlx`: the same command line as `gpa-mlx`."""

from gpa_mlx.cli import main

if __name__ == "__main__":
    main()
