"""`python -m glancemetrics`."""

from glancemetrics.cli import main

if __name__ == "__main__":
    main()
